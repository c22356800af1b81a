"""The control API, `/local-aws/…`: tests set up the emulator and read what happened. README.md lists it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from . import cloudwatch, sqs, world
from .calls import LOG
from .hold import HOLD
from .identity import SESSIONS, Session
from .late import LATE
from .rules import BEHAVIOUR, ORGANIZATIONS, Answer, Fault, Settle
from .uses import USES

PREFIX = "/local-aws/"


def answer(method: str, path: str, query: dict[str, str], body: bytes) -> Response:
    route = _ROUTES.get((method, path.removeprefix(PREFIX)))
    if route is None:
        return _json(404, {"error": f"no {method} {path} here"})
    try:
        sent = {**query, **(json.loads(body) if body else {})}
        if route is _held:  # waits for other calls, which need the lock
            return _json(200, route(sent))
        with world.LOCK:
            return _json(200, route(sent))
    except (ValueError, TypeError, KeyError) as e:
        return _json(400, {"error": f"{type(e).__name__}: {e}"})


def _json(status: int, value: Any) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _fault(sent: dict[str, Any]) -> dict[str, Any]:
    BEHAVIOUR.faults.append(Fault.parse({"times": 1, **sent}))
    return {}


def _settle(sent: dict[str, Any]) -> dict[str, Any]:
    BEHAVIOUR.settle.append(Settle.parse(sent))
    return {}


def _invoke(sent: dict[str, Any]) -> dict[str, Any]:
    BEHAVIOUR.invoke.append(Answer.parse(sent))
    return {}


def _metrics(sent: dict[str, Any]) -> dict[str, Any]:
    """Counts invocations in the minute of a time, as Lambda reports them to CloudWatch."""
    cloudwatch.count(str(sent["account"]), str(sent["region"]), sent)
    return {}


def _clear(action: Callable[[], None]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def cleared(_: dict[str, Any]) -> dict[str, Any]:
        action()
        return {}

    return cleared


def _latency(sent: dict[str, Any]) -> dict[str, Any]:
    BEHAVIOUR.latency_ms = float(sent["ms"])
    return {}


def _enforce(sent: dict[str, Any]) -> dict[str, Any]:
    """Sets `on`, and `identity` if it is sent."""
    BEHAVIOUR.enforce = bool(sent["on"])
    BEHAVIOUR.enforce_identity = bool(sent.get("identity", BEHAVIOUR.enforce_identity))
    return {}


def _label(sent: dict[str, Any]) -> dict[str, Any]:
    LOG.label = str(sent["label"])
    return {}


def _organization(sent: dict[str, Any]) -> dict[str, Any]:
    ORGANIZATIONS.clear()
    ORGANIZATIONS.update(sent["accounts"])
    return {}


def _hold(sent: dict[str, Any]) -> dict[str, Any]:
    HOLD.set(str(sent["session"]), int(sent["calls"]), bool(sent.get("execute", True)), sent.get("operation"))
    return {}


def _held(sent: dict[str, Any]) -> dict[str, Any]:
    return {"held": HOLD.is_held(float(sent.get("seconds", 0)), int(sent.get("calls", 1)))}


def _queue_clock(sent: dict[str, Any]) -> dict[str, Any]:
    sqs.CLOCK.forward(float(sent["seconds"]))
    return {}


def _session(sent: dict[str, Any]) -> dict[str, Any]:
    """Returns credentials of a role as a service gets them (Lambda's execution role), without checking the trust policy."""
    role_arn = sent["role_arn"]
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    key = iam_backends[account][partition].create_temp_access_key()
    name, function_arn = sent.get("session_name", "local"), sent.get("function_arn")
    SESSIONS[key.access_key_id] = Session(
        account, role_arn, name, sent.get("policy"), function_arn=function_arn, secret=key.secret_access_key
    )
    return {
        "access_key_id": key.access_key_id,
        "secret_access_key": key.secret_access_key,
        "session_token": "local",
        "account": account,
    }


_ROUTES: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
    ("GET", "calls"): lambda sent: {"calls": LOG.since(int(sent.get("since", 0)))},
    ("DELETE", "calls"): _clear(LOG.clear),
    ("POST", "label"): _label,
    ("POST", "hold"): _hold,
    ("GET", "hold"): _held,
    ("DELETE", "hold"): _clear(HOLD.release),
    ("POST", "late"): lambda _: {"statuses": LATE.carry_out()},
    ("POST", "queue-clock"): _queue_clock,
    ("POST", "settle"): _settle,
    ("DELETE", "settle"): _clear(BEHAVIOUR.settle.clear),
    ("POST", "faults"): _fault,
    ("DELETE", "faults"): _clear(BEHAVIOUR.faults.clear),
    ("POST", "latency"): _latency,
    ("POST", "invoke"): _invoke,
    ("DELETE", "invoke"): _clear(BEHAVIOUR.invoke.clear),
    ("POST", "metrics"): _metrics,
    ("POST", "organization"): _organization,
    ("POST", "enforce"): _enforce,
    ("GET", "uses"): lambda _: {"uses": USES.list_allowed()},
    ("DELETE", "uses"): _clear(USES.forget_allowed),
    ("GET", "denials"): lambda _: {"denials": USES.list_denied()},
    ("DELETE", "denials"): _clear(USES.forget_denied),
    ("POST", "session"): _session,
}
