"""Answers what senders post: which feed it is for, whether it may be stored, and only then 2xx."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from assay.base import clock
from assay.connectors.webhook.event import events_of
from assay.connectors.webhook.intake import Intake
from assay.connectors.webhook.notices import Requests
from assay.connectors.webhook.signature import Refused
from assay.contract.feed_kinds.yml_webhook import HEALTH

BODY_SECONDS = 15.0
"""In which a body has to arrive whole. Senders give up after 5 to 30 seconds themselves."""
HELD_BYTES = 32_000_000
"""Of bodies that arrive at the same time, in memory."""
_DRAINED_BYTES = 64_000
"""Of a body that is not read: as much is received and dropped, so that the connection goes on; else it is closed."""
_RETRY_SOON = 1
_WRONG_METHOD, _TOO_SLOW, _TOO_LARGE = 405, 408, 413
_JSON_CHARSETS = ("", "utf-8", "utf8")
_Headers = Mapping[str, str]


class WebhookServer:
    """The application, as ASGI has it.

    Args:
        intakes: The feeds, by path.
        body_seconds: In which a body has to arrive.
    """

    def __init__(self, intakes: Mapping[str, Intake], body_seconds: float = BODY_SECONDS) -> None:
        self._intakes, self._body_seconds = intakes, body_seconds
        self._held = 0
        self._requests = Requests()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and log that it came."""
        if scope["type"] != "http":
            return
        began, intake = time.perf_counter(), self._intakes.get(scope["path"])
        headers = {name.decode("latin-1"): value.decode("latin-1").strip() for name, value in scope["headers"]}
        outcome = ""
        try:
            response = await self._answer(scope["path"], scope["method"], headers, intake, receive)
        except Refused as refused:
            response, outcome = _refusal(headers, refused), refused.sentence
        if scope["path"] != HEALTH:
            feed = intake.feed.source if intake else None
            self._requests.tell(feed, response.status_code, time.perf_counter() - began, outcome)
        await response(scope, receive, send)

    async def _answer(
        self, path: str, method: str, headers: _Headers, intake: Intake | None, receive: Receive
    ) -> Response:
        if path == HEALTH and method in ("GET", "HEAD"):
            return JSONResponse({"status": "ok"})
        if intake is None:
            raise Refused(404, "nothing is here")
        if method != "POST":
            raise Refused(_WRONG_METHOD, "events are posted")
        intake.refuse_without_room()
        _check_kind(headers)
        body = await self._body(headers, receive, intake.feed.max_bytes)
        now = clock.now()
        await intake.keys.check(headers, body, now.timestamp())
        events = events_of(intake.feed, headers, body, now)
        return JSONResponse({"stored": await intake.store(events), "of": len(events)})

    async def _body(self, headers: _Headers, receive: Receive, limit: int) -> bytes:
        """The body, which is not read further than it may be large.

        Raises:
            Refused: 413, 408 or 503; 400 where the sender goes away.
        """
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise Refused(_TOO_LARGE, f"the body has more than {limit:,} bytes")
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                while await self._piece(receive, body) and len(body) <= limit:
                    pass
        except TimeoutError:
            raise Refused(_TOO_SLOW, f"the body did not arrive in {self._body_seconds:g} s") from None
        finally:
            self._held -= len(body)
        if len(body) > limit:
            raise Refused(_TOO_LARGE, f"the body has more than {limit:,} bytes")
        return bytes(body)

    async def _piece(self, receive: Receive, body: bytearray) -> bool:
        """Receive a piece; whether more is to come."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the sender went away")
        piece = message.get("body", b"")
        body += piece
        self._held += len(piece)
        if self._held > HELD_BYTES:
            raise Refused(503, "too much arrives at once", _RETRY_SOON)
        return bool(message.get("more_body", False))


def _check_kind(headers: _Headers) -> None:
    """Refuse what does not say that it is JSON in UTF-8, as it is.

    Raises:
        Refused: 415.
    """
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    charset = next((text.strip()[8:].strip('"') for text in parameters.split(";") if "charset=" in text), "")
    is_json = kind.strip() == "application/json" or (kind.startswith("application/") and kind.strip().endswith("+json"))
    if not is_json or charset not in _JSON_CHARSETS:
        raise Refused(415, "the body has to be JSON in UTF-8, with content-type: application/json")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "the body has to come as it is, without content-encoding")


def _refusal(headers: _Headers, refused: Refused) -> Response:
    more = {"allow": "POST"} if refused.status == _WRONG_METHOD else {}
    if refused.retry_after is not None:
        more["retry-after"] = str(refused.retry_after)
    length = headers.get("content-length", "")
    is_short = length.isdigit() and int(length) <= _DRAINED_BYTES
    has_body = bool(length) or "transfer-encoding" in headers
    if refused.status in (_TOO_SLOW, _TOO_LARGE) or (has_body and not is_short):
        more["connection"] = "close"
    return PlainTextResponse(f"{refused.sentence}\n", status_code=refused.status, headers=more)
