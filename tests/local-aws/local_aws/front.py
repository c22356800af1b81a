"""The steps of every request around moto: it is identified, delayed, failed, authorized and logged here."""

from __future__ import annotations

import sys
import time
import traceback
from io import BytesIO
from typing import Any

from flask import Flask
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from . import access, control, wire, world
from .calls import Call, identify
from .hold import HOLD, Treatment
from .late import LATE
from .rules import BEHAVIOUR


def _app(service: Any) -> Flask:
    """Makes moto's application of a service. For debugging, which moto turns on, Flask makes two classes for each request."""
    app = create_backend_app(service)
    app.debug = False
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


class Front:
    """Answers requests; without `corrected` moto is plain: faults, latency and the log work, permissions are not checked."""

    def __init__(self, corrected: bool) -> None:
        self._corrected = corrected
        self._moto = DomainDispatcherApplication(_app)

    def answer(self, environ: dict[str, Any], body: bytes, arrived: float) -> tuple[Call | None, Response | None]:
        """Returns the call (None for the control API) and its answer (None: the connection is closed without one)."""
        path = environ["PATH_INFO"]
        if path.startswith(control.PREFIX):
            query = dict(p.split("=", 1) for p in environ["QUERY_STRING"].split("&") if "=" in p)
            return None, control.answer(environ["REQUEST_METHOD"], path, query, body)
        if path.startswith("/moto-api"):
            return None, self._call_moto(environ, body)
        call, treatment = HOLD.arriving(lambda: identify(environ, body, round(arrived * 1000, 3)))
        if treatment is Treatment.NEVER:
            HOLD.wait(call)
            call.status = 0
            return call, None
        if BEHAVIOUR.latency_ms:
            time.sleep(BEHAVIOUR.latency_ms / 1000)
        try:
            answer = self._decide(call, environ, body)
        finally:
            HOLD.executed(call)
        if treatment is Treatment.LAST:
            HOLD.wait(call)
            return call, None
        return call, answer

    def load(self, environ: dict[str, Any], body: bytes) -> None:
        """Answers a request outside of all accounts that are used, and logs nothing: what it needs stays loaded."""
        world.enter(identify(environ, body, 0))
        answer = self._call_moto(environ, body)
        if answer.status_code != 200:
            raise RuntimeError(f"{environ['HTTP_AUTHORIZATION']} is answered with {answer.status_code}: {answer.get_data()!r}")

    def _decide(self, call: Call, environ: dict[str, Any], body: bytes) -> Response | None:
        with world.LOCK:
            fault = BEHAVIOUR.fault(call)
        if fault is not None and fault.late:
            LATE.keep(lambda: self._execute(call, dict(environ), body).status_code)
            call.status = 0
            return None
        answer: Response | None = None
        if fault is None or fault.execute:
            answer = self._execute(call, environ, body)
        if fault is not None:
            answer = wire.error(call.service, fault.status, fault.code, fault.message) if fault.status else None
        call.status = answer.status_code if answer else 0
        return answer

    def _execute(self, call: Call, environ: dict[str, Any], body: bytes) -> Response:
        # Amazon SQS Developer Guide, "Amazon SQS queue and message identifiers": a queue's URL names its account.
        owner = call.queue.split(":")[4] if call.queue and self._corrected else call.account
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = owner
        world.enter(call)
        if call.operation == "ReceiveMessage":  # waits for other calls, and takes the lock itself (sqs.py)
            with world.LOCK:
                refused = access.refusal(call) if self._corrected else None
            return refused or self._call_moto(environ, body)
        with world.LOCK:
            if not self._corrected:
                return self._call_moto(environ, body)
            return access.other_owner(call) or access.refusal(call) or access.redacted(call, self._call_moto(environ, body))

    def _call_moto(self, environ: dict[str, Any], body: bytes) -> Response:
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        try:
            return Response.from_app(self._moto, environ, buffered=True)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return Response("moto failed; see the emulator's stderr\n", 500)
