"""Finds the session, user or account behind an access key; knows nothing of permissions.

Tests set up accounts with unlimited keys: an access key id of 12 digits is the root of that account, any other unknown key is
the root of moto's default account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import get_account_id_from, iam_backends
from moto.utilities.utils import get_partition

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Scope:
    """The credential scope of a signed request (IAM User Guide, "Elements of an AWS API request signature")."""

    access_key: str
    region: str
    service: str

    @classmethod
    def parse(cls, authorization: str, presigned: str) -> Scope | None:
        found = _CREDENTIAL.search(authorization) or _CREDENTIAL.search(f"Credential={presigned}")
        return cls(*found.groups()) if found else None


@dataclass(frozen=True)
class Session:
    """An assumed role, as STS recorded it when it issued the credentials."""

    account: str
    role_arn: str
    name: str
    policy: str | None = None
    source_identity: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    # The function whose environment the credentials are of.
    function_arn: str | None = None
    # The secret access key, by which a signature can be checked.
    secret: str | None = field(default=None, repr=False)

    @property
    def arn(self) -> str:
        partition = self.role_arn.split(":")[1]
        return f"arn:{partition}:sts::{self.account}:assumed-role/{self.role_arn.rsplit('/', 1)[-1]}/{self.name}"


@dataclass(frozen=True)
class Caller:
    access_key: str
    account: str
    arn: str
    session: Session | None = None

    @property
    def principals(self) -> set[str]:
        """Returns every name by which a Principal can mean the caller (IAM User Guide, "AWS JSON policy elements: Principal")."""
        partition = self.arn.split(":")[1]
        names = {"*", self.arn, self.account, f"arn:{partition}:iam::{self.account}:root"}
        if self.session:
            names.add(self.session.role_arn)
        return names

    @property
    def own_names(self) -> set[str]:
        """Returns the names that do not mean the whole account (the same page, "AWS account principals")."""
        return {n for n in self.principals if n != self.account and not n.endswith(":root")}


SESSIONS: dict[str, Session] = {}


def caller(access_key: str, region: str, chosen_account: str | None = None) -> Caller:
    """Returns the caller behind `access_key`; `chosen_account` is moto's own header for choosing another account."""
    session = SESSIONS.get(access_key)
    if session:
        return Caller(access_key, session.account, session.arn, session)
    partition = get_partition(region)
    account = chosen_account or _account_of(access_key)
    user = iam_backends[account][partition].get_user_from_access_key_id(access_key)
    arn = user.arn if user else f"arn:{partition}:iam::{account}:root"
    return Caller(access_key, account, arn)


def _account_of(access_key: str) -> str:
    if re.fullmatch(r"\d{12}", access_key):
        return access_key
    return get_account_id_from(access_key) if access_key else DEFAULT_ACCOUNT_ID
