"""Makes any text, such as the name of a file, safe to show in a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with an escape such as `\\x1b` or `\\n` for each character that is not printable."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
