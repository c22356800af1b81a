"""Answers of moto about itself that never change, kept: moto works them out anew for many requests, a fifth of its time."""

from __future__ import annotations

from functools import cache

from moto.core import base_backend, errors, responses, utils

# The services whose errors most servers answer with.
_SERVICES = ("s3", "lambda", "sqs", "events", "iam", "sts")


def install() -> None:
    # botocore lists its folder of models for every error.
    utils.service_name_from_moto_package_name = cache(utils.service_name_from_moto_package_name)
    # A factory keeps the shapes of a service's errors, and moto makes a new one for every error.
    factory = errors.ErrorLookupFactory()
    errors.ErrorLookupFactory = lambda: factory
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # The regions of a service are the same for every account.
    base_backend.AccountSpecificBackend._generate_regions = lambda _, service: list(_regions(service))


@cache
def _regions(service: str) -> tuple[str, ...]:
    session = base_backend.AccountSpecificBackend.get_session()
    partitions = session.get_available_partitions()
    return tuple(region for one in partitions for region in session.get_available_regions(service, partition_name=one))


def warm() -> None:
    """Looks up what the first error of each service needs."""
    for service in _SERVICES:
        errors.ErrorLookupFactory().for_service(utils.get_service_model(utils.service_name_from_moto_package_name(service)))
