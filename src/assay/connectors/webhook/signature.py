"""Signatures of webhooks: Standard Webhooks (standardwebhooks.com) and GitHub's form, each over the raw body.

A sender that changes its key signs with both, and a receiver that changes it takes both: any signature by any key
counts. Comparisons take the same time wherever two signatures differ.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping

from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.credentials import resolved
from assay.feeds.errors import Permanent

STANDARD_PREFIXES = ("webhook-", "svix-")
"""Of the three headers; the second one is what the scheme was called by before it was a standard."""
_KEY_PREFIX = "whsec_"
_LEAST_KEY = 16
"""Bytes of a key of Standard Webhooks, which asks for 24 to 64: less could be guessed."""
_MOST_SIGNATURES = 32
_MOST_DIGITS = 15


class Refused(Exception):
    """A request is not taken.

    Args:
        status: Of the answer.
        sentence: Why, for the sender: nothing of what it sent, and no secret.
        retry_after: Seconds after which it may be tried again; None where that changes nothing.
    """

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after


class Unsigned(Refused):
    """A request is signed, and by none of the keys."""


Check = Callable[[Mapping[str, str], bytes, float], None]
"""Gets headers by names in lower case, the body, and seconds since 1970; raises `Refused` unless they are signed."""


def check_of(feed: WebhookFeed) -> Check:
    """What checks the signatures of a feed.

    Raises:
        Permanent: A secret is not there, or is not one.
    """
    keys = keys_of(feed)
    if feed.signature == "standard":
        return lambda headers, body, now: check_standard(keys, feed.tolerance, headers, body, now)
    if feed.signature == "github":
        return lambda headers, body, _: check_github(keys, headers, body)
    return lambda headers, body, now: None  # noqa: ARG005 - the yml says that nothing is signed


def keys_of(feed: WebhookFeed) -> tuple[bytes, ...]:
    """The keys of a feed, the one that signs first.

    Raises:
        Permanent: A secret is not there, or is not one.
    """
    keys = []
    for reference in feed.secrets:
        whose = f"feed {feed.source}: signature: secret"
        secret, _ = resolved(reference, whose)
        key = standard_key(secret) if feed.signature == "standard" else secret.encode()
        if not key:
            wanted = f"{_KEY_PREFIX} and base64 of at least {_LEAST_KEY} bytes, as the sender shows it"
            raise Permanent(
                f"{whose} {reference} is not a key of Standard Webhooks; expected {wanted}"
                if feed.signature == "standard"
                else f"{whose} {reference} is empty"
            )
        keys.append(key)
    return tuple(keys)


def standard_key(secret: str) -> bytes:
    """The key that a secret of Standard Webhooks spells, `whsec_` and base64; empty where it spells none."""
    text = secret.strip().removeprefix(_KEY_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return key if len(key) >= _LEAST_KEY else b""


def check_standard(
    keys: tuple[bytes, ...], tolerance: float, headers: Mapping[str, str], body: bytes, now: float
) -> None:
    """Refuse a request that is not signed as Standard Webhooks has it, by one of the keys and lately.

    Raises:
        Refused: 401; `Unsigned` where it may be that a key was rotated.
    """
    for prefix in STANDARD_PREFIXES:
        values = [headers.get(prefix + name, "") for name in ("id", "timestamp", "signature")]
        if all(values):
            break
    else:
        raise Refused(401, "webhook-id, webhook-timestamp and webhook-signature have to be there")
    delivery, at, signatures = values
    if not (at.isascii() and at.isdigit() and len(at) <= _MOST_DIGITS):
        raise Refused(401, "webhook-timestamp is not a whole number of seconds since 1970")
    given = [text.partition(",")[2] for text in signatures.split(" ")[:_MOST_SIGNATURES] if text.startswith("v1,")]
    wanted = [sign_standard(key, delivery, at, body) for key in keys]
    if not _is_any(given, wanted):
        raise Unsigned(401, "no signature fits: another key, or the body was changed on its way")
    if abs(now - int(at)) > tolerance:
        side = "old" if int(at) < now else "far ahead"
        raise Refused(401, f"the signature is too {side}: its time is more than {tolerance:g} s from the clock here")


def sign_standard(key: bytes, delivery: str, at: str, body: bytes) -> str:
    """The signature of a request as base64, without its version."""
    signed = f"{delivery}.{at}.".encode("latin-1") + body
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def check_github(keys: tuple[bytes, ...], headers: Mapping[str, str], body: bytes) -> None:
    """Refuse a request whose body is not signed as GitHub has it, by one of the keys.

    Raises:
        Refused: 401; `Unsigned` as above.
    """
    name, _, given = headers.get("x-hub-signature-256", "").partition("=")
    if name != "sha256" or not given:
        raise Refused(401, "X-Hub-Signature-256: sha256=… has to be there")
    if not _is_any([given.lower()], [sign_github(key, body) for key in keys]):
        raise Unsigned(401, "the signature does not fit: another secret, or the body was changed on its way")


def sign_github(key: bytes, body: bytes) -> str:
    """The signature of a body in hex, without its name."""
    return hmac.digest(key, body, hashlib.sha256).hex()


def _is_any(given: list[str], wanted: list[str]) -> bool:
    """Whether a given signature is a wanted one; all are compared, whichever fits."""
    fits = [hmac.compare_digest(one.encode(), two.encode()) for one in given for two in wanted]
    return any(fits)
