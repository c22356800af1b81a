"""Functions, versions and aliases with a revision and a state, and with version numbers that only grow.

Our reading of Lambda API Reference (FunctionConfiguration, PublishVersion, AliasConfiguration) and Lambda Developer Guide,
"Lambda function states" and "Manage Lambda function versions".
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import uuid
from collections import defaultdict
from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError, PreconditionFailedException
from moto.awslambda.policy import Policy
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from . import lambda_code
from .rules import BEHAVIOUR
from .settling import Settling

MAX_ENVIRONMENT = 4096
CREATING = ("Creating", "The function is being created.")
NOT_NOW = "The operation cannot be performed at this time."


class Conflict(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


def new_revision() -> str:
    return str(uuid.uuid4())


def check_revision(sent: str | None, found: str) -> None:
    """Refuses another RevisionId than the current one (UpdateFunctionCode, PublishVersion, UpdateAlias)."""
    if sent is not None and sent != found:
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest RevisionId"
        )


class Function(models.LambdaFunction):
    """$LATEST, or a published version, which is a copy of $LATEST."""

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        super().__init__(account_id, spec, region, version)
        self.extras: dict[str, Any] = {}
        self._keep_extras(spec)
        _check_environment(self.environment_vars)
        self.revision_id = new_revision()
        self.recursive_loop = "Terminate"
        # Permissions, URLs and the like of the function and its aliases, by kind and qualifier; all versions share the dict.
        self.attached: dict[tuple[str, str | None], Any] = {}
        self.settling: Settling | None = None
        self.reason: tuple[str, str] | None = None
        self.update_status: str | None = None
        self.update_reason: tuple[str, str] | None = None
        self.published: Function | None = None  # the version that $LATEST has not been updated since

    # ---- writes

    def _set_function_code(self, updated_spec: dict[str, Any]) -> None:
        if "ImageUri" in updated_spec:
            super()._set_function_code(updated_spec)
        else:
            self.use_code(lambda_code.read(updated_spec, self.region))

    def use_code(self, zipped: bytes) -> None:
        self.code_bytes, self.code_size = zipped, len(zipped)
        self.code_sha_256, self.code_digest = code_sha256(zipped), hashlib.sha256(zipped).hexdigest()
        self.code = {"S3Key": f"snapshots/{self.account_id}/{self.function_name}-{uuid.uuid4()}"}

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """UpdateFunctionConfiguration: stores every field that is sent, and keeps the others."""
        updates = dict(config_updates)
        if "Environment" in updates:
            updates["Environment"] = {"Variables": (updates["Environment"] or {}).get("Variables") or {}}
            _check_environment(updates["Environment"]["Variables"])
        super().update_configuration(updates)
        if "TracingConfig" in updates:
            self.tracing_config = updates["TracingConfig"]
        if "EphemeralStorage" in updates:
            self.ephemeral_storage = updates["EphemeralStorage"]["Size"]
        if "KMSKeyArn" in updates:
            self.kms_key_arn = updates["KMSKeyArn"] or None
        if "ImageConfig" in updates:
            self.image_config = models.ImageConfig(updates["ImageConfig"])
        self._keep_extras(updates)
        return self.get_configuration()

    def _keep_extras(self, spec: dict[str, Any]) -> None:
        kept = ("DeadLetterConfig", "LoggingConfig", "FileSystemConfigs", "SnapStart", "DurableConfig")
        self.extras = {**self.extras, **{k: spec[k] for k in kept if k in spec}}

    def touch(self) -> None:
        self.last_modified = iso_8601_datetime_with_nanoseconds()
        self.revision_id = new_revision()

    # ---- settling of a write

    def begin(self, operation: str) -> None:
        """Starts a write of this kind (create, update, publish)."""
        rule = BEHAVIOUR.settle.take(
            account=self.account_id, region=self.region, function=self.function_name, operation=operation
        )
        self.settling = Settling(rule)
        self.touch()
        if operation == "update":
            self.update_status, self.update_reason = "InProgress", CREATING
        else:
            self.state, self.reason, self.update_status = "Pending", CREATING, None

    def observe(self) -> None:
        """Notes a read, which may be the one that finds the write settled."""
        if self.settling and not self.settling.hides_from_read():
            self._settle()

    def require_settled(self) -> None:
        """Raises a 409 while a write is under way, and always after a failed creation."""
        if self.settling and not self.settling.refuses_write():
            self._settle()
        if self.state == "Pending":
            raise self._in_state()
        self.require_not_failed()
        if self.settling:
            raise Conflict(f"{NOT_NOW} An update is in progress for resource: {self.function_arn}")

    def require_not_failed(self) -> None:
        """Raises a 409 for a Failed version; UpdateAlias and CreateAlias accept a Pending one."""
        if self.state == "Failed":
            raise self._in_state()

    def _in_state(self) -> Conflict:
        """Returns the conflict that quotes state and reason code."""
        code = self.reason[0] if self.reason else None
        because = f" StateReasonCode: '{code}'" if code else ""
        return Conflict(f"{NOT_NOW} The function is currently in the following state: '{self.state}'.{because}")

    def _settle(self) -> None:
        assert self.settling is not None
        failure, self.settling = self.settling.failure, None
        self.revision_id = new_revision()
        if self.state == "Pending":
            self.state, self.reason = ("Failed", failure) if failure else ("Active", None)
            self.update_status = None if failure else "Successful"
        else:
            self.update_status, self.update_reason = ("Failed", failure) if failure else ("Successful", None)

    # ---- answers

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        shown = super().get_configuration(on_create)
        shown["RevisionId"] = self.revision_id
        shown["LastUpdateStatus"] = self.update_status
        for field, reason in (("State", self.reason), ("LastUpdateStatus", self.update_reason)):
            if reason:
                shown[f"{field}ReasonCode"], shown[f"{field}Reason"] = reason
        shown["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": self.logs_group_name, **self.extras.get("LoggingConfig", {})}
        shown["SnapStart"] = {"OptimizationStatus": "Off", "ApplyOn": "None", **self.extras.get("SnapStart", {})}
        if self.extras.get("DeadLetterConfig", {}).get("TargetArn"):
            shown["DeadLetterConfig"] = self.extras["DeadLetterConfig"]
        if self.extras.get("FileSystemConfigs"):
            shown["FileSystemConfigs"] = self.extras["FileSystemConfigs"]
        return {k: v for k, v in shown.items() if v is not None}


def code_sha256(zipped: bytes) -> str:
    """Returns CodeSha256: the base64 of the package's SHA-256 (Lambda API Reference, FunctionConfiguration)."""
    return base64.b64encode(hashlib.sha256(zipped).digest()).decode()


def _check_environment(variables: dict[str, str]) -> None:
    """Refuses more than 4 KB of variables (Lambda Developer Guide, "Lambda quotas").

    As on AWS the message repeats the variables, so that it must not be logged.
    """
    measured = json.dumps(variables, separators=(",", ":"))
    if len(measured.encode()) > MAX_ENVIRONMENT:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have provided "
            f"exceeded the 4KB limit. String measured: {measured}"
        )


class Alias(models.LambdaAlias):
    """An alias, which shows `RoutingConfig` only while it holds weights."""

    # Lambda itself has set the weight, until the provisioned concurrency is ready on the new version.
    held_back = False

    def change(self, version: str, description: str | None, routing: dict[str, Any] | None) -> None:
        self.update(description, version, None)
        self._route(routing)

    def hold_back(self, version: str) -> None:
        """Leaves all traffic on an earlier version, as Lambda does."""
        self._route({"AdditionalVersionWeights": {version: 1.0}}, held_back=True)

    def all_to_function_version(self) -> None:
        """Removes the weight that Lambda has set."""
        self._route(None)

    def _route(self, routing: dict[str, Any] | None, held_back: bool = False) -> None:
        self.routing_config, self.held_back = routing, held_back  # type: ignore[assignment]
        self.revision_id = new_revision()

    def to_json(self) -> dict[str, Any]:
        return {k: v for k, v in super().to_json().items() if v is not None}

    @property
    def weights(self) -> dict[str, float]:
        routing: Any = self.routing_config  # moto declares it as text
        return (routing or {}).get("AdditionalVersionWeights") or {}

    @property
    def versions(self) -> set[str]:
        return {self.function_version, *self.weights}


class Storage(models.LambdaStorage):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        # Lambda: "Version numbers are never reused, even for a function that has been deleted and recreated."
        self._last_number: dict[str, int] = defaultdict(int)

    def publish_version(self, name_or_arn: str, description: str = "") -> Function:
        """PublishVersion: returns the last version if nothing was updated since."""
        latest: Function = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)  # type: ignore[assignment]
        if latest.published:
            return latest.published
        self._last_number[latest.function_name] += 1
        version = copy.copy(latest)
        version.set_version(self._last_number[latest.function_name])
        version.policy = Policy(version)
        version.description = description or latest.description
        version.begin("publish")
        self._functions[latest.function_name]["versions"].append(version)
        self._arns[version.function_arn] = version
        latest.published = version
        latest.touch()
        return version

    def del_function(self, name_or_arn: str, qualifier: str | None = None) -> None:
        """DeleteFunction: refuses to delete $LATEST alone, and a version that an alias points to."""
        function = self.get_function_by_name_or_arn_with_qualifier(name_or_arn, qualifier)
        if qualifier == "$LATEST":
            raise InvalidParameterValueException("$LATEST version cannot be deleted without deleting the function.")
        if qualifier:
            aliases = [a.name for a in self.list_aliases(function.function_name) if qualifier in a.versions]  # type: ignore[attr-defined]
            if aliases:
                raise Conflict(f"Version {qualifier} is used by aliases: {', '.join(aliases)}")
            latest: Function = self._get_latest(function.function_name)  # type: ignore[assignment]
            if latest.published is function:
                latest.published = None
        super().del_function(name_or_arn, qualifier)


def install() -> None:
    models.LambdaFunction = Function  # type: ignore[misc]
    models.LambdaAlias = Alias  # type: ignore[misc]
    models.LambdaStorage = Storage  # type: ignore[misc]
