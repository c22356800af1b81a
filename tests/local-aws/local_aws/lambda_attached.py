"""Permissions, URLs and asynchronous invocation settings of a function or of one of its aliases.

Our reading of Lambda API Reference, AddPermission, GetPolicy, RemovePermission, CreateFunctionUrlConfig,
PutFunctionEventInvokeConfig and their siblings. Each takes a Qualifier. An alias keeps its own settings when it moves to another
version (Lambda Developer Guide, "Using Lambda aliases in event sources and permissions policies").
"""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.exceptions import UnknownEventConfig
from moto.awslambda.models import EventInvokeConfig, FunctionUrlConfig
from moto.awslambda.policy import Policy
from moto.core.common_types import TYPE_RESPONSE

from . import world
from .calls import Call
from .lambda_mappings import Mappings, Missing
from .lambda_model import Conflict, Function, new_revision


class Attached(Mappings):
    def _call(self) -> Call:
        call = world.current()
        assert call is not None and call.function is not None
        return call

    def _latest(self) -> Function:
        return self.backend.get_function(self._call().function or "")  # type: ignore[return-value]

    @staticmethod
    def _answer(status: int, body: Any) -> TYPE_RESPONSE:
        return status, {"status": status}, json.dumps(body)

    def _attached_to(self) -> tuple[Function, str | None]:
        """Returns the function and the call's qualifier, which must exist."""
        call, latest = self._call(), self._latest()
        if call.qualifier is not None:
            self.backend.get_function(latest.function_name, call.qualifier)
        return latest, call.qualifier

    def _arn(self) -> str:
        latest, qualifier = self._attached_to()
        return f"{latest.function_arn}:{qualifier}" if qualifier else latest.function_arn

    # ---- permissions: they change the revision of the function, version or alias (AddPermission, RemovePermission)

    def add_permission(self) -> str:
        """AddPermission: a second statement with the same id is a conflict."""
        policy, sent = self._policy(), json.loads(self.body)
        if sent.get("StatementId") in {s["Sid"] for s in policy.statements}:
            raise Conflict(f"The statement id ({sent['StatementId']}) provided already exists.")
        statement, _ = policy.add_statement(self.body, self._call().qualifier)
        self._revise()
        return json.dumps({"Statement": json.dumps(statement)})

    def get_policy(self) -> str:
        """GetPolicy: an alias has its own policy, apart from that of its version."""
        return self._policy().wire_format()

    def remove_permission(self) -> TYPE_RESPONSE:
        """RemovePermission."""
        self._policy().del_statement(str(self._call().wire["StatementId"]))
        self._revise()
        return 204, {"status": 204}, ""

    def _policy(self) -> Policy:
        latest, qualifier = self._attached_to()
        if qualifier in {a.name for a in self.backend.list_aliases(latest.function_name)}:
            policy = latest.attached.setdefault(("policy", qualifier), Policy(latest))
            assert isinstance(policy, Policy)
            return policy
        return self.backend.get_function(latest.function_name, qualifier).policy

    def _revise(self) -> None:
        qualifier = self._call().qualifier
        aliases = {a.name: a for a in self.backend.list_aliases(self._call().function or "")}
        target: Any = aliases.get(qualifier or "") or self.backend.get_function(self._call().function or "", qualifier)
        target.revision_id = new_revision()

    # ---- URLs

    def create_function_url_config(self) -> TYPE_RESPONSE:
        """CreateFunctionUrlConfig: the function and each alias have at most one URL."""
        latest, qualifier = self._attached_to()
        if ("url", qualifier) in latest.attached:
            raise Conflict(f"Failed to create function url config for [functionArn = {self._arn()}]. It already exists.")
        latest.attached["url", qualifier] = FunctionUrlConfig(latest, dict(self.json_body))
        return self._answer(201, self._url())

    def get_function_url_config(self) -> TYPE_RESPONSE:
        """GetFunctionUrlConfig."""
        return self._answer(200, self._url())

    def update_function_url_config(self) -> TYPE_RESPONSE:  # type: ignore[override]
        """UpdateFunctionUrlConfig: fields that are not sent keep their values."""
        url = self._one("url")
        url.config = {**url.config, **self.json_body}
        return self._answer(200, self._url())

    def delete_function_url_config(self) -> TYPE_RESPONSE:
        """DeleteFunctionUrlConfig."""
        return self._detach("url")

    def _url(self) -> dict[str, Any]:
        url = self._one("url")
        mode = url.config.get("InvokeMode") or "BUFFERED"
        return {**url.to_dict(), "FunctionArn": self._arn(), "InvokeMode": mode}

    # ---- asynchronous invocations

    def put_function_event_invoke_config(self) -> TYPE_RESPONSE:  # type: ignore[override]
        """PutFunctionEventInvokeConfig: replaces the existing configuration."""
        latest, qualifier = self._attached_to()
        config = EventInvokeConfig(self._arn(), 0, self.json_body)  # type: ignore[arg-type]
        latest.attached["events", qualifier] = config
        return self._answer(200, config.response())

    def update_function_event_invoke_config(self) -> TYPE_RESPONSE:  # type: ignore[override]
        """UpdateFunctionEventInvokeConfig: fields that are not sent keep their values."""
        config = self._one("events")
        config.config = {**config.config, **self.json_body}
        return self._answer(200, config.response())

    def get_function_event_invoke_config(self) -> TYPE_RESPONSE:  # type: ignore[override]
        """GetFunctionEventInvokeConfig."""
        return self._answer(200, self._one("events").response())

    def delete_function_event_invoke_config(self) -> TYPE_RESPONSE:
        """DeleteFunctionEventInvokeConfig."""
        return self._detach("events")

    def list_function_event_invoke_configs(self) -> TYPE_RESPONSE:  # type: ignore[override]
        """ListFunctionEventInvokeConfigs: lists those of the function, its aliases and its versions."""
        attached = self._latest().attached.items()
        return self._answer(200, {"FunctionEventInvokeConfigs": [c.response() for (kind, _), c in attached if kind == "events"]})

    # ---- storage

    def _one(self, kind: str) -> Any:
        latest, qualifier = self._attached_to()
        if (kind, qualifier) not in latest.attached:
            raise UnknownEventConfig(self._arn()) if kind == "events" else Missing
        return latest.attached[kind, qualifier]

    def _detach(self, kind: str) -> TYPE_RESPONSE:
        self._one(kind)
        latest, qualifier = self._attached_to()
        del latest.attached[kind, qualifier]
        return 204, {"status": 204}, ""

    def _forget(self, alias: str) -> None:
        """Drops everything that is attached to an alias, which is being deleted."""
        latest = self._latest()
        for at in [at for at in latest.attached if at[1] == alias]:
            del latest.attached[at]
