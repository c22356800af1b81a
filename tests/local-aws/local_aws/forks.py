"""One process that has loaded everything, and a fork of it for each server that is asked for: a tenth of the time of a start.

Knows nothing of AWS but which services are to be loaded.
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
    """Forks until stdin closes. Returns in each fork, with the options that its connection has named."""
    for service in _SERVICES:
        get_backend(service)
    gc.freeze()
    # Nobody waits for what was forked.
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
    """What stands in the first line on stdin, byte by byte: whatever follows is for others."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()
