"""The part of Vault's HTTP that a reader of secrets meets, on a port of 127.0.0.1."""

from __future__ import annotations

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "s.token"  # noqa: S105 - of a server that lives for a second
MOUNTS = {"kv": "1", "secret": "2"}
SECRETS: dict[str, dict[str, Any]] = {
    "/v1/kv/shop": {"password": "one"},
    "/v1/secret/data/team/shop": {"data": {"password": "two"}, "metadata": {}},
}


class Vault:
    """Within its block gives secrets to who knows the token.

    Attributes:
        secrets: By their paths.
        asked: How many requests came.
        is_sealed: Whether it gives nothing.
    """

    def __init__(self) -> None:
        self.secrets, self.asked, self.is_sealed = copy.deepcopy(SECRETS), 0, False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.environment = {"VAULT_ADDR": f"http://127.0.0.1:{self._server.server_port}", "VAULT_TOKEN": TOKEN}

    def __enter__(self) -> Vault:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, token: str | None) -> tuple[int, Any]:
        self.asked += 1
        if self.is_sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        mounts = "/v1/sys/internal/ui/mounts/"
        if path.startswith(mounts):
            mount = path.removeprefix(mounts).partition("/")[0]
            if mount not in MOUNTS:
                return 403, {"errors": ["preflight capability check returned 403"]}
            return 200, {"data": {"path": f"{mount}/", "options": {"version": MOUNTS[mount]}}}
        if path not in self.secrets:
            return 404, {"errors": []}
        return 200, {"data": self.secrets[path]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                code, body = vault.answer(self.path, self.headers.get("X-Vault-Token"))
                text = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Keep the output of tests clean."""

        return Handler
