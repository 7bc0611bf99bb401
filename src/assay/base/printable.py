"""Texts that may hold anything, such as names of files, as a terminal can show them."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with an escape such as `\\x1b` or `\\n` for each character that is not printed but obeyed."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
