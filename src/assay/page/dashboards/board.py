"""What a dashboard's function is given: it asks what is published, and puts figures on the page one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import duckdb

from assay.base.duckdb_errors import first_line
from assay.consumers.tables import SHOWN
from assay.contract.moving_rules import moves_of
from assay.contract.names import TableName
from assay.contract.personal import MASKED, masked, shown_personal
from assay.page.charts import Chart, Series
from assay.page.dashboards.figures import Choice, Figure, Interval, draw_intervals, heading, kind_of
from assay.page.visits import Visit
from assay.trust.asking import answer_anew, ask_named

MOST = 50
"""Rows of a table, unless it says otherwise."""
OPTIONS = 500
"""Values that can be chosen from."""
_KINDS = ("lake", "ops", "incidents", "slo")
"""What a query may read: incidents are published between runs, too."""
Row = Mapping[str, Any]


class Board:
    """A dashboard as it is being made, for one visit; all its figures are of one published state.

    Args:
        visit: The request.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.figures: list[Figure] = []
        self.choices: list[Choice] = []

    def rows(self, sql: str, given: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of a query over published tables; values about people are masked.

        Asked once for each state that is published, unless it asks for the time or for chance.

        Args:
            sql: Tables are named by layer and name; values from outside stand in it as `$name`.
            given: These values.

        Raises:
            duckdb.Error: The query is wrong.
        """
        connection = self._visit.connection
        if any(not name.startswith("$") for name in moves_of([sql]).names):
            names, rows = answer_anew(connection, sql, given)
        else:
            names, rows = ask_named(connection, sql, given, _KINDS)
        personal = shown_personal(sql, self._visit.catalog.personal)
        hidden = set(names) if personal is None else {name for name in names if name.lower() in personal}
        return [masked(dict(zip(names, row, strict=True)), hidden) for row in rows]

    def value(self, sql: str, given: Mapping[str, object] | None = None) -> Any:
        """The first value of the first row of a query; None where it has no row."""
        rows = self.rows(sql, given)
        return next(iter(rows[0].values())) if rows else None

    def choose(self, name: str, label: str, options: str | Sequence[object], default: object = None) -> str:
        """Let whoever looks choose one of some values; gives what was chosen, as text.

        Args:
            name: In the page's address.
            label: What is chosen, in a word.
            options: The values, or a query whose first column has them.
            default: What is chosen at first; the first value otherwise.
        """
        listed = [next(iter(row.values())) for row in self.rows(options)] if isinstance(options, str) else options
        texts = [str(option) for option in listed[:OPTIONS]]
        at_first = str(default) if default is not None else (texts[0] if texts else "")
        wanted = self._visit.query.get(name, at_first)
        chosen = wanted if wanted in texts else at_first
        self.choices.append(Choice(name, label, texts, chosen))
        return chosen

    def asked(self, name: str, default: str = "") -> str:
        """A value of the page's address, as a link of another dashboard gives it."""
        return self._visit.query.get(name, default)

    def text(self, sentence: str) -> None:
        """Say a sentence; what stands between backticks is shown as code."""
        self.figures.append(Figure("text", sentence))

    def number(self, title: str, sql: str, unit: str = "", given: Mapping[str, object] | None = None) -> None:
        """Show one value large, and what it is held against.

        Args:
            title: A sentence that says what it is.
            sql: Gives one row: the value, and where there is one the value that it is held against.
            unit: Of both.
            given: Values of the query.
        """

        def shown(rows: list[Row]) -> Figure:
            values = [*rows[0].values()] if rows else []
            now, before = (values[place] if len(values) > place else None for place in (0, 1))
            share = None if unit == "%" else _share(now, before)  # a percentage of percentages is misread
            facts = {"now": now, "before": before, "unit": unit, "share": share}
            return Figure("number", title, values=facts)

        self._add(title, sql, given, shown)

    def chart(
        self,
        title: str,
        sql: str,
        unit: str,
        given: Mapping[str, object] | None = None,
        *,
        is_bars: bool = False,
    ) -> None:
        """Show values along a line, or as bars.

        Args:
            title: A sentence that says what is to be seen.
            sql: Gives a row for each label: the label, the value, and where there are some further values that it is
                held against. Columns are called as they are to be read.
            unit: Of all values.
            given: Values of the query.
            is_bars: Whether the first values are bars.
        """

        def shown(rows: list[Row]) -> Figure:
            names = list(rows[0]) if rows else ["", ""]
            series = [
                Series(heading(name), [_float(row[name]) for row in rows], "now" if place == 0 else "before")
                for place, name in enumerate(names[1:])
            ]
            labels = [str(row[names[0]]) for row in rows]
            chart = Chart(title, unit, heading(names[0]), labels, series, is_bars=is_bars)
            return Figure("chart" if rows else "empty", title, values={"chart": chart})

        self._add(title, sql, given, shown)

    def intervals(self, title: str, sql: str, unit: str, given: Mapping[str, object] | None = None) -> None:
        """Show estimates with the intervals in which they may be.

        Args:
            title: A sentence that says what is to be seen.
            sql: Gives a row for each estimate: its label, the lower end, the estimate, the upper end.
            unit: Of all values.
            given: Values of the query.
        """

        def shown(rows: list[Row]) -> Figure:
            label = next(iter(rows[0])) if rows else ""
            values = [[*row.values()] for row in rows]
            intervals = [Interval(str(row[0]), *map(_float, row[1:4])) for row in values]
            facts = {"intervals": intervals, "drawing": draw_intervals(title, intervals, unit), "unit": unit}
            return Figure("intervals" if rows else "empty", title, values={**facts, "label": heading(label)})

        self._add(title, sql, given, shown)

    def table(
        self,
        title: str,
        sql: str,
        given: Mapping[str, object] | None = None,
        *,
        links: Mapping[str, str] | None = None,
        most: int = MOST,
    ) -> None:
        """Show rows.

        Args:
            title: A sentence that says what they are.
            sql: Gives them; columns are called as they are to be read, and those that begin with `_` are for links.
            given: Values of the query.
            links: By column, where its values lead: `/receipts?store={_store}` takes the row's `_store`.
            most: Rows that are shown; it says so when there are more.
        """

        def shown(rows: list[Row]) -> Figure:
            columns = [name for name in (rows[0] if rows else ()) if not name.startswith("_")]
            facts = {
                "columns": [(name, heading(name), kind_of(name, [row[name] for row in rows])) for name in columns],
                "rows": [(row, _links(row, links or {})) for row in rows[:most]],
                "is_cut": len(rows) > most,
                "most": most,
            }
            return Figure("table" if rows else "empty", title, values=facts)

        self._add(title, f"from ({sql.rstrip().rstrip(';')}\n) limit {most + 1}", given, shown)

    def _add(
        self, title: str, sql: str, given: Mapping[str, object] | None, shown: Callable[[list[Row]], Figure]
    ) -> None:
        """Put a figure on the page, or what keeps it from being shown."""
        tables = tuple(tables_of(self._visit.connection, sql))
        try:
            figure = shown(self.rows(sql, given))
        except duckdb.Error as error:
            figure = Figure("problem", title, values={"problem": first_line(error)})
        self.figures.append(Figure(figure.kind, title, tables, figure.values))


def tables_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """The published tables that a query reads, as DuckDB's parser sees it."""
    [(text,)] = connection.execute("select json_serialize_sql(?)", [sql]).fetchall()
    parsed = json.loads(text)
    if parsed.get("error"):  # PIVOT is no query to that function
        names = re.findall(rf"\b({'|'.join(SHOWN)})\.(\w+)", sql)
        return list(dict.fromkeys(TableName(*name).table for name in names))
    return list(dict.fromkeys(_named(parsed)))


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node.get("schema_name") in SHOWN:
            yield TableName(node["schema_name"], node["table_name"]).table
        for part in node.values():
            yield from _named(part)
    elif isinstance(node, list):
        for part in node:
            yield from _named(part)


def _links(row: Row, links: Mapping[str, str]) -> dict[str, str]:
    """Where the values of a row lead; a value that is masked or NULL leads nowhere."""
    parts = {name: quote(str(value), safe="") for name, value in row.items()}
    return {name: target.format_map(parts) for name, target in links.items() if row.get(name) not in (None, MASKED)}


def _float(value: object) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)  # type: ignore[arg-type]


def _share(now: object, before: object) -> float | None:
    """How much more the value is than what it is held against, as a share of that."""
    one, other = _float(now), _float(before)
    return None if one is None or not other else one / other - 1
