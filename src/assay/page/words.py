"""Numbers, times and lengths of time as people read them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from markupsafe import Markup

from assay.incidents.reconcile import in_words
from assay.text import strict_json

_ROUNDED_FROM = 1000
"""From here on a number that is not whole is shown without a fraction."""
NOTHING = "\u2013"
"""In the place of a value that is not there."""


def number(value: object) -> str:
    """A number with thousands separators; a fraction of two digits where it has one and is small."""
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float | Decimal) or not math.isfinite(value):
        return str(value)
    is_round = value == int(value) or abs(float(value)) >= _ROUNDED_FROM
    return f"{value:,.0f}" if is_round else f"{value:,.2f}"


def score(value: float) -> str:
    """A score of 100, rounded down: one that is not 100 does not look like it."""
    return f"{math.floor(100 * value) / 100:g}"


def percent(share: float | None) -> str:
    """A share of 1 as per cent: `99.5 %`."""
    return NOTHING if share is None else f"{100 * share:.4g} %"


def at(time: datetime | None) -> Markup:
    """A moment in this machine's zone, with the zone in its title, as a `<time>` element."""
    if time is None:
        return Markup("{}").format(NOTHING)
    local = time.astimezone()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        time.astimezone(UTC).isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()} (UTC{local:%z})",
        f"{local:%Y-%m-%d %H:%M}",
    )


def ago(time: datetime | None, now: datetime) -> Markup:
    """How long ago a moment was, with the moment in its title."""
    if time is None:
        return Markup("{}").format(NOTHING)
    local = time.astimezone()
    words = f"{in_words(now - time)} ago" if time <= now else f"in {in_words(time - now)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        time.astimezone(UTC).isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}", words
    )


def lasting(span: timedelta) -> str:
    """A length of time in one unit."""
    return in_words(span)


def value_text(value: object) -> str:
    """A value of a cell as text: NULL as such, what holds others as JSON."""
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | str):
        return str(value)
    if isinstance(value, dict | list):
        return strict_json.dumps(value, ensure_ascii=False)
    return str(value)


def plural(count: int, one: str, many: str = "") -> str:
    """`1 file`, `2,000 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int | None) -> str:
    """Bytes in a unit that fits: `1.4 MB`."""
    if count is None:
        return NOTHING
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:,} bytes"


def ticks(text: str) -> Markup:
    """A sentence in which what stands between backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one that has no partner is a character like any other
        return Markup("{}").format(text)
    plain, code = Markup("{}"), Markup("<code>{}</code>")
    return Markup("").join((code if place % 2 else plain).format(piece) for place, piece in enumerate(pieces))
