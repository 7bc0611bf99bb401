"""What a dashboard is made of: figures with the tables that they were read from, and choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from assay.page.charts import WIDTH
from assay.page.words import number

_LEFT, _RIGHT, _ROW, _TOP = 120, 12, 22, 8
_LABEL = 16
"""Characters of a label beside an interval."""
_UNITS = {"usd": "USD", "eur": "EUR", "gbp": "GBP", "pct": "%", "celsius": "°C"}
"""Last words of a column's name that are units."""


@dataclass(frozen=True)
class Figure:
    """A part of a dashboard.

    Attributes:
        kind: `text`, `problem`, `number`, `chart`, `intervals` or `table`, by which the template shows it.
        title: A sentence that says what is to be seen.
        tables: What it was read from.
        values: What the template needs of its kind.
    """

    kind: str
    title: str
    tables: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """Something that whoever looks can choose; it stands in the address.

    Attributes:
        name: In the address.
        label: What is chosen, in a word.
        options: What there is.
        chosen: One of them.
    """

    name: str
    label: str
    options: Sequence[str]
    chosen: str


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval in which it may be; NULL where there is too little to tell."""

    label: str
    low: float | None
    middle: float | None
    high: float | None


def heading(column: str) -> str:
    """A column's name as the heading of a table: `sales_usd` is `sales (USD)`."""
    *words, last = column.split("_")
    unit = _UNITS.get(last) if words else None
    return f"{' '.join(words)} ({unit})" if unit else column.replace("_", " ")


def kind_of(column: str, values: Sequence[object]) -> str:
    """The class of a column's cells: `n` for numbers, which names of things are not though they are made of digits."""
    is_name = column.lower() == "id" or column.lower().endswith(("_id", " id", "_upc", "_number"))
    present = [value for value in values if value is not None]
    if any(isinstance(value, date) for value in present):
        return "nowrap"
    is_number = any(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in present)
    return "n" if is_number and not is_name else ""


def draw_intervals(title: str, intervals: Sequence[Interval], unit: str) -> Markup:
    """Intervals one below the other with a line at zero; what crosses it may be nothing.

    Args:
        title: Of the figure.
        intervals: The uppermost first.
        unit: Of all values.
    """
    whole = [each for each in intervals if None not in (each.low, each.middle, each.high)]
    if not whole:
        return Markup('<p class="soft">No figures yet.</p>')
    low = min(0.0, *(float(each.low or 0) for each in whole))
    high = max(0.0, *(float(each.high or 0) for each in whole))
    span = max(high - low, 1e-9)
    height = _TOP + _ROW * len(whole) + 24

    def x(value: float | None) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (float(value or 0) - low) / span

    shapes = [Markup('<line class="axis" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(x(0), 0, height - 20)]
    for place, each in enumerate(whole):
        y = _TOP + _ROW * place + _ROW // 2
        label = each.label if len(each.label) <= _LABEL else f"{each.label[: _LABEL - 1]}…"
        shapes.append(Markup('<text x="4" y="{}">{}</text>').format(y + 4, label))
        shapes.append(
            Markup('<polyline class="now" points="{:.1f},{} {:.1f},{}"/>').format(x(each.low), y, x(each.high), y)
        )
        shapes.append(Markup('<circle class="now" cx="{:.1f}" cy="{}" r="4"/>').format(x(each.middle), y))
    for value, anchor in ((low, "start"), (high, "end")):
        shapes.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                x(value), height - 4, anchor, number(value)
            )
        )
    crossing = sum(float(each.low or 0) <= 0 <= float(each.high or 0) for each in whole)
    words = f"{len(whole)} estimates in {unit} with their intervals; {crossing} of the intervals hold zero."
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(WIDTH, height, f"{title} {words}", title, words, Markup("").join(shapes))
