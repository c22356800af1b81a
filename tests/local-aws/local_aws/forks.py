"""Loads everything once and forks a server for each connection, which takes a tenth of the time of a start.

The module knows nothing of AWS but the names of the services to load.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket

from moto.backends import get_backend
from moto.moto_api._internal import mock_random

_SERVICES = ("s3", "sqs", "iam", "sts", "lambda", "events", "kms", "logs", "cloudwatch", "scheduler", "ec2")


def serve() -> list[str]:
    """Forks until stdin closes; returns in each fork, with the options that its connection has sent."""
    for service in _SERVICES:
        get_backend(service)
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
    mock_random.seed()
    for stream in (0, 1, 2):
        os.dup2(connection.fileno(), stream)
    connection.close()
    line = _line()
    return line.split("\t") if line else []


def _line() -> str:
    """Reads the first line of stdin byte by byte, and leaves the bytes after it to later readers."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()
