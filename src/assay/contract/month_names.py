"""Names of months in other languages than English, as Unicode's CLDR has them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache

_WITH_DOTTED_I = ("az", "tr")
"""Languages whose capital of `i` is `İ`."""


@lru_cache
def month_names(locale: str, *, is_short: bool) -> Mapping[str, int]:
    """The number of each month by its names: as they are, without a dot at their end or accents, and in capitals.

    Of texts that differ in nothing but the case of their letters, one stands there; one that would mean two months is
    none of them.

    Args:
        locale: A language such as `de`, or one of a country, such as `pt_BR`.
        is_short: Whether names are abbreviated.

    Raises:
        ValueError: Nobody knows the language, or it calls two months alike.
    """
    written = _written(locale, "abbreviated" if is_short else "wide")
    meanings: dict[str, set[int]] = defaultdict(set)
    texts: dict[str, str] = {}
    for name, month in written:
        for text in _variants(name, has_dotted_i=locale.partition("_")[0].partition("-")[0] in _WITH_DOTTED_I):
            meanings[in_small_letters(text)].add(month)
            texts.setdefault(in_small_letters(text), text)
    if lost := [name for name, _ in written if len(meanings[in_small_letters(name)]) > 1]:
        raise ValueError(f"{locale!r} calls two months {lost[0]!r}")
    return {texts[small]: min(months) for small, months in meanings.items() if len(months) == 1}


def in_small_letters(text: str) -> str:
    """A text in lower case letter by letter, as of DuckDB; Python writes the end of a Greek word otherwise."""
    return "".join(map(str.lower, text))


def _written(locale: str, width: str) -> list[tuple[str, int]]:
    """Each month as it stands in a date, then as it stands by itself."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - only for who reads other languages

    try:
        months = Locale.parse(locale.replace("-", "_")).months
    except (ValueError, UnknownLocaleError) as error:
        raise ValueError(f"{locale!r} is not a language that CLDR knows, such as de or pt_BR") from error
    return [
        (name, month) for place in ("format", "stand-alone") for month, name in sorted(months[place][width].items())
    ]


def _variants(name: str, *, has_dotted_i: bool) -> Iterator[str]:
    for text in (name, name.rstrip(".")):
        apart = unicodedata.normalize("NFKD", text)
        bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
        for variant in (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text), bare):
            yield from (variant, variant.upper())
            if has_dotted_i:
                yield variant.replace("i", "İ").upper()
