"""Answers of moto about itself that never change, kept: moto works them out anew for many requests."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import jsonpath_ng.ext
from moto.core import base_backend, errors, responses, utils
from moto.events.utils import EventTemplateParser
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sqs import models as sqs

# The services whose errors most servers answer with.
_SERVICES = ("s3", "lambda", "sqs", "events", "iam", "sts")


def install() -> None:
    # botocore lists its folder of models for every error.
    utils.service_name_from_moto_package_name = cache(utils.service_name_from_moto_package_name)
    # A factory keeps the shapes of a service's errors, and moto makes a new one for every error.
    factory = errors.ErrorLookupFactory()
    errors.ErrorLookupFactory = lambda: factory
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # Names of actions, and of the attributes of a queue that each message asks for.
    named = cache(utils.camelcase_to_underscores)
    utils.camelcase_to_underscores = responses.camelcase_to_underscores = sqs.camelcase_to_underscores = named
    # jsonpath_ng makes the tables of its grammar for every path, and moto asks for eight paths for every target of an event.
    jsonpath_ng.ext.parse = cache(jsonpath_ng.ext.parse)
    # Every request is compared with the addresses of all services.
    DomainDispatcherApplication.get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)
    # The regions of a service are the same for every account.
    base_backend.AccountSpecificBackend._generate_regions = lambda _, service: list(_regions(service))


@cache
def _regions(service: str) -> tuple[str, ...]:
    session = base_backend.AccountSpecificBackend.get_session()
    partitions = session.get_available_partitions()
    return tuple(region for one in partitions for region in session.get_available_regions(service, partition_name=one))


def warm(services: Iterable[str]) -> None:
    """Looks up what the first error and the first resource of each service and the first event need."""
    for service in services:
        _regions(service)
    for path in EventTemplateParser.DEFAULT_EVENT_INPUT_PATHS_MAP.values():
        jsonpath_ng.ext.parse(path)
    for service in _SERVICES:
        errors.ErrorLookupFactory().for_service(utils.get_service_model(utils.service_name_from_moto_package_name(service)))
