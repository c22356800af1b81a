"""Identifies AWS calls and logs them, without bodies: variables and zips must not end up in a test's output."""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.utilities.utils import get_partition

from . import identity, sqs_moves

# Services whose signing name differs from the name of botocore's model.
_MODELS = {"monitoring": "cloudwatch", "eventbridge": "events"}
# Logged parameters: name on the wire, name in the log.
_ASSUME_ROLE = {
    "RoleArn": "role_arn",
    "ExternalId": "external_id",
    "SourceIdentity": "source_identity",
    "RoleSessionName": "role_session_name",
    "Policy": "policy",
}
# A message's body is not logged: it may hold anything.
_SQS = ("DelaySeconds", "VisibilityTimeout", "MaxNumberOfMessages")
# An event's detail is not logged either.
_EVENT = ("EventBusName", "Source", "DetailType")
# Headers that affect permissions: those of conditional writes, and those that are S3 condition keys.
_DECISIVE = ("if-match", "if-none-match", "x-amz-")
_LAMBDA = ("RevisionId", "Publish", "S3Bucket", "S3Key", "S3ObjectVersion", "CodeSha256", "DryRun", "FunctionVersion", "RoutingConfig")


@dataclass
class Call:
    """One AWS call; tests see all fields but `wire`, `headers`, `queue` and `caller`."""

    seq: int
    label: str
    start_ms: float
    service: str
    operation: str
    account: str
    region: str
    access_key: str
    request_bytes: int
    caller: identity.Caller
    wire: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    queue: str | None = None
    session_name: str | None = None
    function: str | None = None
    qualifier: str | None = None
    bucket: str | None = None
    key: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    end_ms: float | None = None

    def shown(self) -> dict[str, Any]:
        hidden = {"wire", "headers", "queue", "caller"}
        return {k: v for k, v in vars(self).items() if k not in hidden and v is not None and v != {}}


class Log:
    """Calls in the order in which they arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._seq = 0
        self.label = ""

    def next(self) -> int:
        with self._lock:
            self._seq += 1
            return self._seq

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def since(self, seq: int) -> list[dict[str, Any]]:
        with self._lock:
            return [c.shown() for c in sorted(self._calls, key=lambda c: c.seq) if c.seq > seq]

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()


LOG = Log()


def identify(environ: dict[str, Any], body: bytes, start_ms: float) -> Call:
    """Reads operation, caller and parameters from a request."""
    request = Request({**environ, "wsgi.input": BytesIO(b"")})
    scope = identity.Scope.parse(request.headers.get("Authorization", ""), request.args.get("X-Amz-Credential", ""))
    scope = scope or identity.Scope("", "us-east-1", "s3")
    form = _form(request, body)
    operation, path = _operation(scope.service, request, form)
    caller = identity.caller(scope.access_key, scope.region, request.headers.get("x-moto-account-id"))
    call = Call(
        seq=LOG.next(),
        label=LOG.label,
        start_ms=start_ms,
        service=scope.service,
        operation=operation,
        account=caller.account,
        region=scope.region,
        access_key=scope.access_key,
        request_bytes=len(body),
        caller=caller,
        session_name=caller.session.name if caller.session else None,
    )
    if scope.service == "s3":
        call.bucket, call.key = path.get("Bucket"), path.get("Key")
        call.wire = {**request.args.to_dict(), "CopySource": request.headers.get("x-amz-copy-source")}
        call.headers = {k.lower(): v for k, v in request.headers.items() if k.lower().startswith(_DECISIVE)}
        if "x-amz-checksum-sha256" in call.headers:
            call.parameters["ChecksumSHA256"] = call.headers["x-amz-checksum-sha256"]
        if operation == "DeleteObjects":
            call.wire["Objects"] = _objects(body)
    elif scope.service == "sts":
        call.wire = form
        call.parameters = {log: form[wire] for wire, log in _ASSUME_ROLE.items() if wire in form}
    elif scope.service == "sqs":
        sent = _json(body) or form
        call.parameters = {k: sent[k] for k in _SQS if k in sent}
        call.queue = _queue(call, sent)
        call.wire = {k: sent[k] for k in ("DestinationArn",) if k in sent}
    elif scope.service == "events":
        entries = _json(body).get("Entries") or []
        call.wire = {"Entries": [{k: e[k] for k in _EVENT if k in e} for e in entries if isinstance(e, dict)]}
    elif scope.service == "lambda":
        _lambda(call, path, request, body)
    return call


def _queue(call: Call, sent: dict[str, Any]) -> str | None:
    """Returns the ARN of the call's queue; a queue's URL names its account."""
    if "SourceArn" in sent:
        return str(sent["SourceArn"])
    if "TaskHandle" in sent:
        return sqs_moves.source_of(str(sent["TaskHandle"]))
    account, name = call.account, sent.get("QueueName")
    if "QueueUrl" in sent:
        *_, account, name = ["", call.account, *str(sent["QueueUrl"]).split("/")]
    account = sent.get("QueueOwnerAWSAccountId") or account
    return f"arn:{get_partition(call.region)}:sqs:{call.region}:{account}:{name}" if name else None


def _objects(body: bytes) -> list[tuple[str, str | None]]:
    """Returns key and version of each object in a DeleteObjects body."""
    try:
        listed = [o for o in ElementTree.fromstring(body) if o.tag.rpartition("}")[2] == "Object"]
    except ElementTree.ParseError:
        return []
    found = [{part.tag.rpartition("}")[2]: part.text or "" for part in o} for o in listed]
    return [(o.get("Key", ""), o.get("VersionId")) for o in found]


def _json(body: bytes) -> dict[str, Any]:
    """Returns the fields of a JSON object, or none if the body is not one."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _form(request: Request, body: bytes) -> dict[str, str]:
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return request.args.to_dict()


def _operation(service: str, request: Request, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.rsplit(".", 1)[-1], {}
    if "Action" in form:
        return form["Action"], {}
    try:
        operation, path = get_service_router(_MODELS.get(service, service)).match(request)
        return operation.name, path
    except Exception:  # moto raises several exceptions for requests that botocore does not know
        return f"{request.method} {request.path}", {}


def function_of(name: str) -> tuple[str, str | None]:
    """Returns name and qualifier from any form of a function's name that Lambda accepts."""
    name, _, qualifier = unquote(name).rsplit("function:", 1)[-1].partition(":")
    return name, qualifier or None


def _lambda(call: Call, path: dict[str, Any], request: Request, body: bytes) -> None:
    sent = _json(body) if call.operation != "Invoke" else {}
    call.wire = {**path, **request.args.to_dict(), **sent}
    name = path.get("FunctionName") or path.get("Resource") or sent.get("FunctionName")
    if name and "event-source-mapping" not in name:
        call.function, call.qualifier = function_of(name)
        call.qualifier = call.qualifier or request.args.get("Qualifier") or path.get("Name") or sent.get("Name")
    code = {**sent, **sent.get("Code", {})} if isinstance(sent.get("Code"), dict) else sent
    call.parameters = {k: code[k] for k in _LAMBDA if k in code}
    if call.operation in ("CreateFunction", "UpdateFunctionCode"):
        call.parameters["ZipFile"] = "ZipFile" in code
        if "ZipFile" in code:
            zipped = b64decode(code["ZipFile"])
            call.parameters["CodeSha256"] = b64encode(hashlib.sha256(zipped).digest()).decode()
    if call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        call.parameters["Role"] = "Role" in sent
    if request.method == "PUT" and call.operation == "UpdateFunctionConfiguration":
        call.parameters["fields"] = sorted(k for k in sent if k != "FunctionName")
