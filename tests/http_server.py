"""An HTTP server on a port of 127.0.0.1 that answers as a test says, also as no honest one would."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request; of several parameters of one name the last one."""

    method: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Answer:
    """A response: JSON of a value, or bytes as they are; `raw` is all of it, after which the connection ends."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drip_seconds: float = 0.0


Program = Callable[[Asked], Answer]


class HttpServer:
    """Within its block answers requests by `program`, and keeps what was asked."""

    def __init__(self, program: Program, tls: ssl.SSLContext | None = None) -> None:
        self.program = program
        self.asked: list[Asked] = []
        self._tls = tls
        self._server = self._listening(0)
        self.port = self._server.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> HttpServer:
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no connection any more; those that are open go on."""
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        """Take connections again, on the same port."""
        self._server = self._listening(self.port)
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _listening(self, port: int) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        server.daemon_threads = True
        if self._tls is not None:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True)
        return server

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                params = dict(parse_qsl(parts.query, keep_blank_values=True))
                asked = Asked(self.command, parts.path, params, {k.lower(): v for k, v in self.headers.items()}, body)
                owner.asked.append(asked)
                self._send(owner.program(asked))

            do_POST = do_GET  # noqa: N815 - so it is called

            def _send(self, answer: Answer) -> None:
                if answer.raw is not None:
                    self.wfile.write(answer.raw)
                    self.close_connection = True
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **answer.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                step = 1 if answer.drip_seconds else len(body) or 1
                for start in range(0, len(body), step):
                    self.wfile.write(body[start : start + step])
                    if answer.drip_seconds:
                        self.wfile.flush()
                        threading.Event().wait(answer.drip_seconds)

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # who asked went away
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler
