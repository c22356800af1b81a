"""Lambda's control plane: preconditions, conflicts while a write settles, checked roles and aliases.

Our reading of Lambda API Reference; each method names its page. lambda_model.py holds functions, versions and aliases.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from typing import Any

from moto.awslambda import urls
from moto.awslambda.exceptions import (
    FunctionAlreadyExists,
    InvalidParameterValueException,
    InvalidRoleFormat,
    LambdaClientError,
    UnknownFunctionException,
)
from moto.core.common_types import TYPE_RESPONSE

from . import lambda_code, lambda_model, sts
from .lambda_invoke import Invocations
from .lambda_model import Alias, Conflict, Function, check_revision

# Lambda API Reference, ListVersionsByFunction and ListAliases, "MaxItems".
LONGEST_LIST = 50


class Denied(LambdaClientError):
    code = 403

    def __init__(self, message: str) -> None:
        super().__init__("AccessDeniedException", message)


class Lambda(Invocations):
    def _dispatch(self, *args: Any, **more: Any) -> TYPE_RESPONSE:
        status, headers, body = super()._dispatch(*args, **more)
        headers.setdefault("content-type", "application/json")
        return status, headers, body

    # ---- versions

    def _version(self, number: str) -> Function:
        return self.backend.get_function(self._call().function or "", number)  # type: ignore[return-value]

    # ---- functions

    def create_function(self) -> TYPE_RESPONSE:
        """CreateFunction: with Publish the answer shows version 1 with a RevisionId of neither $LATEST nor the version."""
        spec = {**self.json_body, "FunctionName": self._call().function}
        try:
            self._latest()
        except UnknownFunctionException:
            pass
        else:
            raise FunctionAlreadyExists(spec["FunctionName"])
        _check_role(spec.get("Role", ""), self.current_account)
        function: Function = self.backend.create_function({**spec, "Publish": False})  # type: ignore[assignment]
        function.begin("create")
        if not spec.get("Publish"):
            return self._answer(201, function.get_configuration())
        shown = copy.copy(function)
        shown.version = self.backend.publish_version(spec["FunctionName"]).version  # type: ignore[union-attr]
        shown.revision_id = lambda_model.new_revision()
        return self._answer(201, shown.get_configuration())

    def get_function(self) -> str:
        """GetFunction: with an alias as qualifier the answer has the alias's ARN."""
        self._observe()
        return self._by_alias(super().get_function())

    def get_function_configuration(self) -> str:
        """GetFunctionConfiguration."""
        self._observe()
        return super().get_function_configuration()

    def _by_alias(self, answer: str) -> str:
        alias = self._alias_named(self._call().qualifier)
        if alias is None:
            return answer
        shown = json.loads(answer)
        shown["Configuration"]["FunctionArn"] = f"{self._latest().function_arn}:{alias.name}"
        return json.dumps(shown)

    # ---- tags: they change the function's revision

    def tag_resource(self) -> str:
        """TagResource."""
        answer = super().tag_resource()
        self._latest().touch()
        return answer

    def untag_resource(self) -> TYPE_RESPONSE:
        """UntagResource."""
        answer = super().untag_resource()
        self._latest().touch()
        return answer

    def _observe(self) -> None:
        call = self._call()
        function: Function = self.backend.get_function(call.function or "", call.qualifier)  # type: ignore[assignment]
        function.observe()

    def update_function_code(self) -> TYPE_RESPONSE:
        """UpdateFunctionCode: with Publish it shows the version, with DryRun it changes nothing."""
        sent = self.json_body
        latest = self._latest()
        latest.require_settled()
        check_revision(sent.get("RevisionId"), latest.revision_id)
        architectures = sent.get("Architectures", latest.architectures)
        zipped = lambda_code.read(sent, latest.region)
        target = copy.copy(latest) if sent.get("DryRun") else latest
        target.architectures = architectures
        target.use_code(zipped)
        if sent.get("DryRun"):
            return self._answer(200, target.get_configuration())
        latest.published = None
        latest.begin("update")
        answered = self.backend.publish_version(latest.function_name) if sent.get("Publish") else latest
        return self._answer(200, answered.get_configuration())  # type: ignore[union-attr]

    def update_function_configuration(self) -> TYPE_RESPONSE:
        """UpdateFunctionConfiguration."""
        sent = self.json_body
        latest = self._latest()
        latest.require_settled()
        check_revision(sent.get("RevisionId"), latest.revision_id)
        if "Role" in sent:
            _check_role(sent["Role"], self.current_account)
        latest.update_configuration(sent)
        latest.published = None
        latest.begin("update")
        return self._answer(200, latest.get_configuration())

    def publish_version(self) -> TYPE_RESPONSE:
        """PublishVersion."""
        sent = json.loads(self.body) if self.body else {}
        latest = self._latest()
        latest.require_settled()
        check_revision(sent.get("RevisionId"), latest.revision_id)
        wanted = sent.get("CodeSha256") or latest.code_sha_256
        if wanted != latest.code_sha_256:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({latest.code_sha_256}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        version = self.backend.publish_version(latest.function_name, sent.get("Description") or "")
        return self._answer(201, version.get_configuration())  # type: ignore[union-attr]

    def list_versions_by_function(self) -> str:
        """ListVersionsByFunction: $LATEST is first, an answer has at most 50, whatever MaxItems says, and no states."""
        name = self._latest().function_name
        shown = [version.get_configuration() for version in self.backend.list_versions_by_function(name)]
        for version in shown:
            for field in ("State", "StateReason", "StateReasonCode", "LastUpdateStatus"):
                version.pop(field, None)
        return json.dumps(self._page("Versions", shown, "Version"))

    def list_aliases(self) -> TYPE_RESPONSE:
        """ListAliases: only those that point to FunctionVersion, if it is sent."""
        name, version = self._latest().function_name, self._call().wire.get("FunctionVersion")
        shown = [a.to_json() for a in self.backend.list_aliases(name) if version in (None, a.function_version)]
        return self._answer(200, self._page("Aliases", shown, "Name"))

    def _page(self, name: str, all_of_them: list[dict[str, Any]], key: str) -> dict[str, Any]:
        """Returns the page after the Marker, which is the encoded key of the last entry of the page before."""
        wire = self._call().wire
        start = 0
        if "Marker" in wire:
            after = base64.b64decode(wire["Marker"]).decode()
            start = next((number for number, one in enumerate(all_of_them, 1) if one[key] == after), len(all_of_them))
        page = all_of_them[start : start + min(int(wire.get("MaxItems", LONGEST_LIST)), LONGEST_LIST)]
        more = start + len(page) < len(all_of_them)
        return {name: page, **({"NextMarker": base64.b64encode(page[-1][key].encode()).decode()} if more else {})}

    def delete_function(self) -> TYPE_RESPONSE:
        """DeleteFunction: the qualifier may be part of the name, and deleting a version that does not exist succeeds."""
        call = self._call()
        latest = self._latest()
        there = {str(version.version) for version in self.backend.list_versions_by_function(latest.function_name)}
        if call.qualifier is None or not call.qualifier.isdigit() or call.qualifier in there:
            self.backend.delete_function(call.function or "", call.qualifier)
        return 204, {"status": "204"}, ""

    # ---- aliases

    def create_alias(self) -> TYPE_RESPONSE:
        """CreateAlias."""
        sent = self.json_body
        function = self._latest()
        if sent["Name"] in {a.name for a in self.backend.list_aliases(function.function_name)}:
            raise Conflict(f"Alias already exists: {function.function_arn}:{sent['Name']}")
        routing = self._routing(sent["FunctionVersion"], sent.get("RoutingConfig"))
        alias = self.backend.create_alias(
            sent["Name"],
            function.function_name,
            sent["FunctionVersion"],
            sent.get("Description", ""),
            routing,  # type: ignore[arg-type]
        )
        return self._answer(201, alias.to_json())

    def get_alias(self) -> TYPE_RESPONSE:
        """GetAlias."""
        alias = self._alias()
        self._alias_read(alias)
        return self._answer(200, alias.to_json())

    def update_alias(self) -> TYPE_RESPONSE:
        """UpdateAlias: fields that are not sent keep their values."""
        sent = self.json_body
        alias = self._alias()
        check_revision(sent.get("RevisionId"), alias.revision_id)
        version = sent.get("FunctionVersion") or alias.function_version
        routing = self._routing(version, sent.get("RoutingConfig", alias.routing_config))
        before = alias.function_version
        alias.change(version, sent.get("Description"), routing)
        self._alias_moved(alias, before)
        return self._answer(200, alias.to_json())

    def delete_alias(self) -> TYPE_RESPONSE:
        """DeleteAlias."""
        self._forget(self._call().qualifier or "")
        super().delete_alias()
        return 204, {"status": "204"}, ""

    def _alias(self) -> Alias:
        call = self._call()
        return self.backend.get_alias(call.qualifier or "", call.function or "")  # type: ignore[return-value]

    def _routing(self, version: str, routing: dict[str, Any] | None) -> dict[str, Any] | None:
        """Checks and returns an alias's new routing.

        Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias".
        """
        main = self._version(version)
        main.require_not_failed()
        weights = (routing or {}).get("AdditionalVersionWeights") or {}
        if not weights:
            return None
        if len(weights) > 1:
            raise InvalidParameterValueException("Number of items in AdditionalVersionWeights cannot be greater than 1")
        ((other_number, weight),) = weights.items()
        if version == other_number:
            raise InvalidParameterValueException(
                f"Invalid function version {version}. Function version {version} is already included in routing configuration."
            )
        if "$LATEST" in (version, other_number):
            raise InvalidParameterValueException("$LATEST is not supported for an alias pointing to more than 1 version")
        if not 0 <= weight <= 1:
            raise InvalidParameterValueException(
                f"1 validation error detected: Value '{weight}' at 'routingConfig.additionalVersionWeights' "
                "failed to satisfy constraint: Member must be between 0 and 1"
            )
        other = self._version(other_number)
        other.require_not_failed()
        if main.role != other.role:
            raise InvalidParameterValueException("The versions of a weighted alias must have the same execution role")
        if main.extras.get("DeadLetterConfig") != other.extras.get("DeadLetterConfig"):
            raise InvalidParameterValueException("The versions of a weighted alias must have the same dead-letter configuration")
        return {"AdditionalVersionWeights": weights}

    # ---- recursive loops

    def put_function_recursion_config(self) -> TYPE_RESPONSE:
        """PutFunctionRecursionConfig, which moto does not know."""
        self._latest().recursive_loop = self.json_body["RecursiveLoop"]
        return self.get_function_recursion_config()

    def get_function_recursion_config(self) -> TYPE_RESPONSE:
        """GetFunctionRecursionConfig, which moto does not know; the default is Terminate."""
        return self._answer(200, {"RecursiveLoop": self._latest().recursive_loop})


def _check_role(role: str, account: str) -> None:
    """CreateFunction, "Role": requires that the role exists in the function's account and trusts Lambda.

    Lambda Developer Guide, "Defining Lambda function permissions with an execution role".
    """
    found = re.match(InvalidRoleFormat.pattern, role)
    if found is None:
        raise InvalidRoleFormat(role)
    if found.group(2) != account:
        raise Denied("Cross-account pass role is not allowed.")
    if not sts.service_may_assume(role, "lambda.amazonaws.com"):
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.")


def install() -> None:
    lambda_model.install()
    urls.url_paths["{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\\w_:%-]+)/recursion-config$"] = Lambda.dispatch
    urls.url_paths["{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\\w_:%-]+)/provisioned-concurrency$"] = (
        Lambda.dispatch
    )
    for path in urls.url_paths:
        urls.url_paths[path] = Lambda.dispatch
