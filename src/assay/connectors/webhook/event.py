"""What a sender posted, as lines of JSON: `{"id": …, "received_at": …, "headers": {…}, "body": …}`.

The body stands in its line byte for byte as it came, but for line breaks between its tokens, which become blanks: a
string of JSON holds none. No number is read and written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from assay.connectors.webhook.signature import Refused
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.contract.pointer import pointer_keys
from assay.text.json_records import value_of

_LONGEST_ID = 512
_DIGEST = 16
_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_WHITE = " \t\r\n"
_READER = json.JSONDecoder(parse_int=str, parse_float=str)
_BODY = ',"body":'


@dataclass(frozen=True)
class Event:
    """An event.

    Attributes:
        delivery: Its id.
        line: As it is stored, with its line end.
        digest: Of its id and body: what tells a repetition from another event, also one of the same id.
    """

    delivery: str
    line: bytes
    digest: bytes


def events_of(feed: WebhookFeed, headers: Mapping[str, str], body: bytes, received_at: datetime) -> list[Event]:
    """The events in a request, one; of an array with the id in each element, as many as it has.

    Args:
        feed: Says where the id is, and which headers are kept.
        headers: By names in lower case.
        body: As it came.
        received_at: Now, in UTC.

    Raises:
        Refused: 400: it is not JSON that all readers take alike, or has no id.
    """
    text = _decoded(body)
    value, problem = value_of(body)
    if problem is not None:
        raise Refused(400, f"the body is not JSON that can be stored: {problem.words}")
    kept = json.dumps({name: headers[name] for name in feed.headers if name in headers})
    between = f',"received_at":"{received_at.isoformat(timespec="microseconds")}","headers":{kept}{_BODY}'
    if not feed.id.startswith("/"):
        return [_event(_id_in(headers, feed.id.lower()), between, text)]
    keys = pointer_keys(feed.id)
    if not isinstance(value, list):
        return [_event(_id_at(value, keys, feed.id), between, text)]
    elements = zip(value, _elements(text), strict=True)
    return [_event(_id_at(element, keys, feed.id), between, written) for element, written in elements]


def digest_of(line: bytes) -> bytes | None:
    """The digest of the event that a line without its end holds; None where it holds none."""
    try:
        text = line.decode()
        delivery, at = _READER.raw_decode(text, len('{"id":'))
        at = text.index(',"headers":', at) + len(',"headers":')
        _, at = _READER.raw_decode(text, at)
        _, end = _READER.raw_decode(text, at + len(_BODY))
    except (ValueError, RecursionError):
        return None
    is_whole = text[at : at + len(_BODY)] == _BODY and text[end:] == "}" and isinstance(delivery, str)
    return _digest(delivery, text[at + len(_BODY) : end].encode()) if is_whole else None


def _event(delivery: str, between: str, text: str) -> Event:
    body = text.strip(_WHITE).encode().translate(_BREAKS)
    line = b'{"id":' + json.dumps(delivery).encode() + between.encode() + body + b"}\n"
    return Event(delivery, line, _digest(delivery, body))


def _digest(delivery: str, body: bytes) -> bytes:
    return hashlib.blake2b(delivery.encode() + b"\0" + body, digest_size=_DIGEST).digest()


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not text in UTF-8, from byte {error.start + 1} on") from None


def _id_in(headers: Mapping[str, str], name: str) -> str:
    spelled = [name, name.replace("webhook-", "svix-", 1)]  # see `signature.STANDARD_PREFIXES`
    return _checked(next((headers[one] for one in spelled if headers.get(one)), ""), f"the header {name}")


def _id_at(value: object, keys: tuple[str, ...], pointer: str) -> str:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return _checked(value if isinstance(value, str) else "", f"{pointer} of the body")


def _checked(delivery: str, place: str) -> str:
    if not delivery or len(delivery) > _LONGEST_ID or not delivery.isprintable():
        raise Refused(400, f"{place} has to be the delivery's id: a number or a text of 1 to {_LONGEST_ID} characters")
    return delivery


def _elements(text: str) -> Iterator[str]:
    """The elements of an array as they are written in its text, which is valid."""
    at = _after_white(text, text.index("[") + 1)
    while text[at] != "]":
        _, end = _READER.raw_decode(text, at)
        yield text[at:end]
        at = _after_white(text, end)
        if text[at] == ",":
            at = _after_white(text, at + 1)


def _after_white(text: str, at: int) -> int:
    while text[at] in _WHITE:
        at += 1
    return at
