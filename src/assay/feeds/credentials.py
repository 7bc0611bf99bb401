"""Secrets that a yml refers to, and texts without them.

Belongs here: putting secrets into a text, and the scrubbing of messages. None is written anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from assay.contract.personal import MASKED
from assay.contract.yml_feed import REFERENCE
from assay.feeds.secret_places import secret_of

_SHORTEST = 3
"""Characters of a text that is scrubbed; shorter ones would make holes in every message."""


def resolved(text: str, whose: str) -> tuple[str, tuple[str, ...]]:
    """A text with its references replaced, and the secrets that went into it.

    Args:
        text: As the yml has it.
        whose: What a message calls the place, e.g. `feed orders: url`.

    Raises:
        Permanent: A secret is not there.
        Transient: Who has it cannot be reached.
    """
    secrets: list[str] = []

    def value(reference: re.Match[str]) -> str:
        secret = secret_of(reference[1], reference[2], whose)
        secrets.append(secret)
        if _is_before_host(text, reference):
            return quote(secret, safe="")
        before = text[: reference.start()][-1:]
        plain = secret.replace("\\", "\\\\").replace("'", "\\'")
        return {"=": f"'{plain}'", "'": plain}.get(before, secret) if "://" not in text else secret

    return REFERENCE.sub(value, text), tuple(secrets)


def _is_before_host(text: str, reference: re.Match[str]) -> bool:
    """Whether a reference is the user or password of an URL, where `/` or `@` of it has to be escaped."""
    _, scheme, before = text[: reference.start()].partition("://")
    after = REFERENCE.sub("", text[reference.end() :]).partition("/")[0]
    return bool(scheme) and "/" not in REFERENCE.sub("", before) and "@" in after


def scrubbed(message: str, secrets: Iterable[str]) -> str:
    """A message without secrets, in whichever way an URL writes them, on one line."""
    spellings = {spelling for secret in secrets for spelling in (secret, quote(secret, safe=""), unquote(secret))}
    for spelling in sorted(spellings, key=len, reverse=True):
        if len(spelling) >= _SHORTEST:
            message = message.replace(spelling, MASKED)
    return " ".join(message.split())
