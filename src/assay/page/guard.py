"""Who may ask: requests that name this server by an address or by its own name, and writes that its own pages send.

A name that somebody else lets point here (DNS rebinding) is refused, so no page of another site reads this one. Writes
need the token that stands in the page, an `Origin` that is the host asked, and are taken on this machine alone.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
"""Nothing is fetched from elsewhere, and no script or style stands in the page itself; an answer may have its own."""


class Refused(Exception):
    """A write that is not taken; the message says why and what to do."""


@dataclass(frozen=True)
class Guard:
    """Decides about requests.

    Attributes:
        host: Where the server listens.
        token: Stands in the forms of its pages; a new one for each process.
    """

    host: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def may_act(self) -> bool:
        """Whether writes are taken: the page has no login, so only where nobody else reaches it."""
        return is_loopback(self.host)

    def is_ours(self, host_header: str) -> bool:
        """Whether a request means this server: an IP address, `localhost`, or its own name."""
        name = _name(host_header)
        if name is None:
            return False
        return name in {"localhost", self.host.lower(), socket.gethostname().lower()} or _is_address(name)

    def check_write(self, headers: Mapping[str, str], token: str) -> None:
        """Refuse a write that none of this server's own pages sent.

        Raises:
            Refused: It is not taken.
        """
        if not self.may_act:
            raise Refused(
                f"this page listens on {self.host}, which is open to other machines, and has no login; use "
                "`assay incidents ack|assign|resolve|reopen`, or a page on 127.0.0.1"
            )
        origin = urlsplit(headers.get("origin", ""))
        if origin.scheme not in ("http", "https") or origin.netloc.lower() != headers.get("host", "").lower():
            raise Refused("it did not come from this page: its Origin is another one, or missing")
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            raise Refused("the page was started anew since this form was shown; load it again and repeat")


class Guarded:
    """An application behind a guard: refuses hosts that are not ours, and adds the headers.

    Args:
        app: The application.
        guard: Decides.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._guard.is_ours(hosts[0]):
            response = PlainTextResponse("this host is not served here; ask for it by its address\n", status_code=421)
            await response(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(host_header: str) -> str | None:
    try:
        return urlsplit(f"//{host_header}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
