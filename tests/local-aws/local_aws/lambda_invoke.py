"""Invocations: a test sets their answers, and CloudWatch counts them.

Our reading of Lambda API Reference, Invoke; Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias".
"""

from __future__ import annotations

import json
import random
import time

from moto.core.common_types import TYPE_RESPONSE

from . import cloudwatch
from .lambda_model import Alias, Function
from .lambda_provisioned import Provisioned
from .rules import BEHAVIOUR


class Invocations(Provisioned):
    def invoke(self) -> TYPE_RESPONSE:
        """Invoke: answers as a test has set it, `null` otherwise, and 409 for a version that is not Active.

        An alias with weights draws one of its versions for each invocation.
        """
        call = self._call()
        qualifier, is_drawn = self._version_to_run()
        function: Function = self.backend.get_function(call.function or "", qualifier)  # type: ignore[assignment]
        if function.state != "Active":
            function.require_settled()
        rule = BEHAVIOUR.invoke.take(
            account=call.account, region=call.region, function=call.function, version=str(function.version)
        )
        headers = {"content-type": "application/json", "x-amz-executed-version": str(function.version)}
        kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind != "RequestResponse":
            status = 202 if kind == "Event" else 204
            return status, {**headers, "status": str(status)}, ""
        counted = {"function": call.function, "resource": call.qualifier, "minute": time.time(), "invocations": 1}
        versions = {"version": str(function.version)} if is_drawn else {}
        cloudwatch.count(call.account, call.region, {**counted, **versions, "errors": int(bool(rule and rule.error))})
        if rule and rule.error:
            headers["x-amz-function-error"] = "Unhandled"
        return 200, headers, json.dumps(rule.error or rule.payload if rule else None)

    def _version_to_run(self) -> tuple[str | None, bool]:
        """Returns the qualifier of the version that runs, and whether weights have drawn it."""
        call = self._call()
        alias = next((a for a in self.backend.list_aliases(call.function or "") if a.name == call.qualifier), None)
        if not isinstance(alias, Alias) or not alias.weights:
            return call.qualifier, False
        draw = random.random()
        for version, weight in alias.weights.items():
            if draw < weight:
                return version, True
            draw -= weight
        return str(alias.function_version), True
