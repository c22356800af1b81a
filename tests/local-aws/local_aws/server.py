"""An HTTP/1.1 server on a loopback port, which notes when each call arrives and ends."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
import time
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Response

from .calls import LOG
from .front import Front


class Handler(MotoRequestHandler):
    """A handler that keeps connections open, as AWS does; werkzeug's closes each and waits 10 ms."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def run_wsgi(self) -> None:
        arrived = time.time()
        environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
        else:
            body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        call, answer = self.server.front.answer(environ, body, arrived)
        if call:
            LOG.add(call)
            call.end_ms = round(time.time() * 1000, 3)
        if answer is None:
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client may be gone already
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(answer)
        if call:
            call.end_ms = round(time.time() * 1000, 3)

    def _send(self, answer: Response) -> None:
        content = answer.get_data()
        bodiless = self.command == "HEAD" or answer.status_code in (204, 304)
        lines = [f"HTTP/1.1 {answer.status}"]
        lines += [f"{k}: {v}" for k, v in answer.headers.items() if k.lower() not in ("content-length", "connection", "date")]
        if self.command == "HEAD":  # the length of a GET's answer
            lines.append(f"Content-Length: {answer.headers.get('Content-Length', 0)}")
        elif not bodiless:
            lines.append(f"Content-Length: {len(content)}")
        lines.append(f"Date: {self.date_time_string()}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n"
        if bodiless or len(content) < 1 << 16:
            self.wfile.write(head if bodiless else head + content)
        else:
            self.wfile.write(head)
            self.wfile.write(content)

    def log_request(self, *_: Any) -> None:
        pass


class Server(ThreadedWSGIServer):
    daemon_threads = True

    def __init__(self, front: Front, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__("127.0.0.1", port, lambda *_: [], Handler)
        self.front = front
        self.ssl_context = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Does the TLS handshake in the connection's own thread, so that a slow one delays no other connection."""
        if self.ssl_context is None:
            return super().finish_request(request, client_address)
        try:
            with self.ssl_context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except (ssl.SSLError, ConnectionError):
            pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


def die_with_parent() -> None:
    """Ends the process at once when stdin closes, which also happens when the parent is killed."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
