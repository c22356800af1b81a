"""Loads everything once and forks a server for each connection, which takes a tenth of the time of a start.

The module knows nothing of AWS but the services to load, and a request of each that changes nothing.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket

from moto import backends
from moto.moto_api._internal import mock_random
from werkzeug.test import EnvironBuilder

from . import kept, world
from .front import Front

_SERVICES = ("s3", "sqs", "iam", "sts", "lambda", "events", "kms", "logs", "cloudwatch", "scheduler", "ec2")
# A request of each service that most servers use, and that changes nothing: path, body, headers.
_REQUESTS = {
    "s3": ("/", "", {}),
    "lambda": ("/2015-03-31/functions", "", {}),
    "sqs": ("/", "{}", {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}),
    "events": ("/", "{}", {"X-Amz-Target": "AWSEvents.ListRules", "Content-Type": "application/x-amz-json-1.1"}),
    "iam": ("/", "Action=ListRoles&Version=2010-05-08", {"Content-Type": "application/x-www-form-urlencoded"}),
    "sts": ("/", "Action=GetCallerIdentity&Version=2011-06-15", {"Content-Type": "application/x-www-form-urlencoded"}),
}
# Nobody else uses this account.
_ACCOUNT = "000000000000"


def serve(front: Front) -> list[str]:
    """Forks until stdin closes; returns in each fork, with the options that its connection has sent."""
    for service in _SERVICES:
        backends.get_backend(service)
    modules = tuple(backends.list_of_moto_modules())
    # moto lists its folder for every request.
    backends.list_of_moto_modules = lambda: modules
    for service, (path, body, headers) in _REQUESTS.items():
        _warm(front, service, path, body, headers)
    kept.warm(_SERVICES)
    world.leave()
    gc.freeze()
    # Nobody waits for the forks, so that the kernel reaps them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        while True:
            ready, _, _ = select.select([0, listener], [], [])
            if 0 in ready and not os.read(0, 4096):
                os._exit(0)
            if listener in ready:
                connection, _ = listener.accept()
                if os.fork() == 0:
                    break
                connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # A server lives for one test: little of what it makes is ever garbage.
    gc.set_threshold(50_000, 20, 20)
    mock_random.seed()
    for stream in (0, 1, 2):
        os.dup2(connection.fileno(), stream)
    connection.close()
    line = _line()
    return line.split("\t") if line else []


def _warm(front: Front, service: str, path: str, body: str, headers: dict[str, str]) -> None:
    """Sends a request, so that the service's models and routes are loaded before the first fork."""
    scope = f"{_ACCOUNT}/20200101/us-east-1/{service}/aws4_request"
    headers = headers | {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "X-Moto-Account-Id": _ACCOUNT,
    }
    sent = body.encode()
    environ = EnvironBuilder(path, method="POST" if sent else "GET", data=sent, headers=headers).get_environ()
    front.load(environ, sent)


def _line() -> str:
    """Reads the first line of stdin byte by byte, and leaves the bytes after it to later readers."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()
