"""Finds policies in moto: those of a role, a bucket, a queue or an event bus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

NOTHING = '{"Statement": []}'


@dataclass(frozen=True)
class OwnedResource:
    """A resource's account and policy; `account` is None for resources whose policies are not checked here."""

    account: str | None = None
    policy: str | None = None


def role(arn: str) -> Any:
    """Returns moto's role, or None if there is no such role."""
    found = re.fullmatch(r"arn:([^:]+):iam::(\d{12}):role/.+", arn)
    if found is None:
        return None
    partition, account = found.groups()
    return next((r for r in iam_backends[account][partition].roles.values() if r.arn == arn), None)


def trust(arn: str) -> str | None:
    """Returns a role's trust policy, or None if there is no such role."""
    found = role(arn)
    return found.assume_role_policy_document if found else None


def identity_policies(found: Any) -> list[str]:
    """Returns a role's inline policies and the default versions of its attached ones; none for a deleted role."""
    return [*found.policies.values(), *map(_default, found.managed_policies.values())] if found else []


def boundary(found: Any) -> str | None:
    """Returns a role's boundary (IAM User Guide, "Permissions boundaries for IAM entities"); a deleted one allows nothing."""
    if not found or not found.permissions_boundary_arn:
        return None
    backend = iam_backends[found.account_id][found.partition]
    policy = backend.managed_policies.get(found.permissions_boundary_arn)
    return _default(policy) if policy else NOTHING


def _default(policy: Any) -> str:
    return next(str(v.document) for v in policy.versions if v.version_id == policy.default_version_id)


def find_resource(resource: str) -> OwnedResource:
    """Returns a resource's account and policy; the policies of Lambda functions and KMS keys are not read."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return OwnedResource()
    service, region, account, name = parts[2:]
    if service == "s3":
        return _bucket(name.split("/")[0])
    if service == "sqs":
        queue = sqs_backends[account][region].queues.get(name)
        return OwnedResource(account, queue.policy if queue else None)
    if service == "events" and name.startswith("event-bus/"):
        bus = events_backends[account][region].event_buses.get(name.removeprefix("event-bus/"))
        return OwnedResource(account, bus.policy if bus else None)
    return OwnedResource()


def _bucket(name: str) -> OwnedResource:
    if name not in s3_backends.bucket_accounts:
        return OwnedResource()
    partition, account = s3_backends.bucket_accounts[name]
    found: Any = s3_backends[account][partition].get_bucket(name).policy
    return OwnedResource(account, found.decode() if isinstance(found, bytes) else found)
