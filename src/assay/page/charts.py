"""Small charts as SVG text: every word in them is escaped, and every figure in them also stands in a table.

Colours are classes of `page.css`, so a chart is light or dark as the page is. No style attributes: the page's policy of
content forbids them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from assay.page.words import number

WIDTH, HEIGHT = 440, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 22, 24
_SPARK_WIDTH, _SPARK_HEIGHT = 90, 22
_CLASSES = {"pass": "good", "warn": "odd"}
_WIDEST_BAR = 40
_STRONG = 3
"""Radius of the last point of a line."""


@dataclass(frozen=True)
class Series:
    """A row of figures.

    Attributes:
        name: What they are, with their unit.
        values: One for each label; None for none.
        kind: `now`, or `before` for what it is held against.
    """

    name: str
    values: Sequence[float | None]
    kind: str = "now"


@dataclass(frozen=True)
class Chart:
    """What a chart shows, and what stands in the table behind it.

    Attributes:
        title: A sentence that says what is to be seen.
        unit: Of all figures, such as `USD` or `rows`.
        label: What the labels are, such as `day`; the first heading of the table.
        labels: Along the horizontal axis.
        series: At least one.
        is_bars: Whether values are bars; lines otherwise.
        floor: The lowest value of the vertical axis; None for 0.
    """

    title: str
    unit: str
    label: str
    labels: Sequence[str]
    series: Sequence[Series]
    is_bars: bool = False
    floor: float | None = None

    @property
    def description(self) -> str:
        """What a reader who does not see the chart is told of it."""
        values = [value for value in self.series[0].values if value is not None]
        if not values:
            return "No figures yet."
        span = f"{self.labels[0]} to {self.labels[-1]}" if len(self.labels) > 1 else self.labels[0]
        return f"{self.series[0].name}, {span}: from {number(min(values))} to {number(max(values))} {self.unit}."

    @property
    def rows(self) -> list[tuple[str, list[float | None]]]:
        """The table behind it: each label with the figure of each series."""
        return [(text, [one.values[place] for one in self.series]) for place, text in enumerate(self.labels)]


def draw(chart: Chart) -> Markup:
    """A chart as an `<svg>` element."""
    values = [value for one in chart.series for value in one.values if value is not None]
    if not values:
        return Markup('<p class="soft">No figures yet.</p>')
    floor = chart.floor if chart.floor is not None else min(0.0, *values)
    top = max(*values, floor + 1e-9)
    frame = _Frame(len(chart.labels), floor, top)
    shapes = [
        Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _LEFT, WIDTH - _RIGHT, y := frame.y(max(0.0, floor)), y
        ),
        _text(_LEFT, 14, f"{number(top)} {chart.unit}"),
        _text(_LEFT, HEIGHT - 6, chart.labels[0]),
    ]
    if len(chart.labels) > 1:
        shapes.append(_text(WIDTH - _RIGHT, HEIGHT - 6, chart.labels[-1], "end"))
    for one in sorted(chart.series, key=lambda series: series.kind != "before"):
        shapes += _bars(frame, one) if chart.is_bars and one.kind == "now" else _line(frame, one)
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(
        WIDTH, HEIGHT, f"{chart.title} {chart.description}", chart.title, chart.description, Markup("").join(shapes)
    )


def spark(values: Sequence[float], what: str, floor: float, top: float) -> Markup:
    """A line of some values without axes, for a cell of a table.

    Args:
        values: The oldest first; nothing is drawn of fewer than two.
        what: Said to who does not see it.
        floor: The value at the bottom.
        top: The value at the top.
    """
    if len(values) < 2:  # noqa: PLR2004 - a line has two ends
        return Markup("")
    step, span = (_SPARK_WIDTH - 4) / (len(values) - 1), max(top - floor, 1e-9)
    points = " ".join(
        f"{2 + place * step:.1f},{2 + (_SPARK_HEIGHT - 4) * (1 - (max(floor, value) - floor) / span):.1f}"
        for place, value in enumerate(values)
    )
    return Markup(
        '<svg class="spark" role="img" viewBox="0 0 {} {}" aria-label="{}"><polyline class="now" points="{}"/></svg>'
    ).format(_SPARK_WIDTH, _SPARK_HEIGHT, what, points)


def strip(verdicts: Sequence[str]) -> Markup:
    """The last results of a check as a row of bars, for a cell of a table: high and red ones did not pass.

    Args:
        verdicts: The oldest first.
    """
    counts = [(verdicts.count(verdict), verdict) for verdict in dict.fromkeys(verdicts)]
    told = f"The last {len(verdicts)} results: {', '.join(f'{count} {verdict}' for count, verdict in counts)}."
    bars = [
        Markup('<rect class="{}" x="{}" y="{}" width="4" height="{}"/>').format(
            _CLASSES.get(verdict, "bad"), 6 * place, *((14, 8) if verdict == "pass" else (2, 20))
        )
        for place, verdict in enumerate(verdicts)
    ]
    width = 6 * max(1, len(verdicts))
    return Markup(
        '<svg class="strip" role="img" viewBox="0 0 {} 22" width="{}" height="22" aria-label="{}">{}</svg>'
    ).format(width, width, told, Markup("").join(bars))


@dataclass(frozen=True)
class _Frame:
    """Where values stand in the picture."""

    count: int
    floor: float
    top: float

    def x(self, place: int) -> float:
        """The middle of a label's room."""
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (place + 0.5) / self.count

    def y(self, value: float) -> float:
        """The height of a value."""
        share = (max(value, self.floor) - self.floor) / (self.top - self.floor)
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share)


def _bars(frame: _Frame, series: Series) -> Iterable[Markup]:
    width = min(_WIDEST_BAR, 0.8 * (WIDTH - _LEFT - _RIGHT) / frame.count)
    base = frame.y(max(0.0, frame.floor))
    for place, value in enumerate(series.values):
        if value is not None:
            y = frame.y(value)
            yield Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                series.kind, frame.x(place) - width / 2, min(y, base), width, abs(base - y)
            )


def _line(frame: _Frame, series: Series) -> Iterable[Markup]:
    """Lines between neighbours that both have a value; a value without a neighbour is a point."""
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(series.values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame.x(place), frame.y(value)))
    for run in runs:
        if len(run) > 1:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            yield Markup('<polyline class="{}" points="{}"/>').format(series.kind, points)
        elif run:
            yield _point(series.kind, *run[0])
    last = next((run[-1] for run in reversed(runs) if run), None)
    if last:
        yield _point(series.kind, *last)


def _point(kind: str, x: float, y: float) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(kind, x, y, _STRONG)


def _text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, escape(words))
