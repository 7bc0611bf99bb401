"""JSON pointers (RFC 6901): where in a record or a document something stands, as the names that lead to it."""

from __future__ import annotations

import re

_ESCAPED = re.compile("~[01]")
_PLAIN = {"~0": "~", "~1": "/"}


def pointer_keys(pointer: str) -> tuple[str, ...]:
    """The names in a JSON pointer, from outside to inside; none in the empty one, which points at the whole.

    Raises:
        ValueError: It is none: neither empty nor begun by a slash, or with a `~` that escapes nothing.
    """
    if (pointer and not pointer.startswith("/")) or "~" in _ESCAPED.sub("", pointer):
        raise ValueError(f"{pointer!r} is no JSON pointer such as '/data/items'")
    return tuple(_ESCAPED.sub(lambda part: _PLAIN[part[0]], name) for name in pointer.split("/")[1:])


def pointer_of(*keys: str) -> str:
    """The JSON pointer of names that lead to something."""
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in keys)
