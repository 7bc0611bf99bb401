"""Names for SQL of the names in files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

_FOLDED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae"}


def clean_names(names: Sequence[str]) -> dict[str, str]:
    """Names for SQL of the names in files, each once.

    Letters without accents in lower case, digits and `_`; `n_` before a digit; a number behind one that is taken.
    """
    clean: dict[str, str] = {}
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    for name in names:
        text = clean_name(name)
        free = text
        while free in taken:
            numbers[text] += 1
            free = f"{text}_{numbers[text] + 1}"
        taken.add(free)
        clean[name] = free
    return clean


def free_name(name: str, taken: Collection[str]) -> str:
    """A clean name for one in a file that is not among those that are taken."""
    text, number = clean_name(name), 2
    free = text
    while free in taken:
        free, number = f"{text}_{number}", number + 1
    return free


def clean_name(name: str) -> str:
    """A name in a file in small letters without accents, digits and `_`; `n_` before a digit."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    text = "".join(_FOLDED.get(letter, letter) for letter in text.lower())
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    text = re.sub(r"[^a-z0-9]+", "_", text).strip("_") or "column"
    return f"n_{text}" if text[0].isdigit() else text
