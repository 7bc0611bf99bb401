"""How two states differ, shown: a table for people, JSON for programs, Markdown for a pull request."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC

from rich.markup import escape
from rich.table import Table

from assay.base.printable import printable
from assay.cli.console import out
from assay.contract.catalog import Catalog
from assay.contract.masking import hidden_columns
from assay.contract.personal import masked
from assay.publish.diff import TableDiff
from assay.publish.kept_states import KeptState
from assay.publish.states import stated
from assay.publish.table_diff import DIFFERING, ONLY_A, Example
from assay.text import strict_json

_WIDTH = 60  # characters of a value that are shown
_LONG = 1_000  # characters of a value in JSON
_BEFORE = 15  # characters that are shown before the first one that differs
_FEW = 6  # columns of a row that is only in one state


@dataclass(frozen=True)
class Comparison:
    """Two states and how their tables differ.

    Attributes:
        a: The first.
        b: The second.
        tables: A comparison of each table.
    """

    a: KeptState
    b: KeptState
    tables: Sequence[TableDiff]

    @property
    def is_same(self) -> bool:
        """Whether no table differs."""
        return all(table.is_same for table in self.tables)


def without_hidden(catalog: Catalog, diff: TableDiff) -> TableDiff:
    """A comparison without values of columns about people."""
    hidden = hidden_columns(catalog, diff.table, diff.compared)

    def shown(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
        row = masked(dict(zip(diff.compared, values, strict=False)), hidden)
        return tuple(None if value is None else str(value) for value in row.values())

    examples = tuple(replace(example, a=shown(example.a), b=shown(example.b)) for example in diff.rows.examples)
    return replace(diff, rows=replace(diff.rows, examples=examples))


def show(comparison: Comparison, output: str) -> None:
    """Print a comparison.

    Args:
        comparison: What to print.
        output: `table`, `json` or `markdown`.
    """
    if output == "table":
        _show(comparison)
        return
    text = as_json(comparison) if output == "json" else as_markdown(comparison)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _show(comparison: Comparison) -> None:
    for side, state in (("A", comparison.a), ("B", comparison.b)):
        out.print(f"[bold]{side}[/]  {escape(_state_in_words(state))}", highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("table", overflow="fold")
    for heading in ("in A", "in B", "only A", "only B", "differ"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for diff in comparison.tables:
        cells = [*_cells(diff)[:-1], "the same" if diff.is_same else "" if diff.has_same_shape else _shape(diff)]
        table.add_row(*map(escape, cells), style="" if diff.is_same else "yellow")
    out.print(table, highlight=False)
    for diff in comparison.tables:
        if not diff.is_same:
            out.print(f"\n[bold]{escape(_name(diff.table))}[/]", highlight=False, soft_wrap=True)
            if diff.changed_columns:
                out.print(f"- differing rows by column: {escape(_changed(diff))}", highlight=False, soft_wrap=True)
            for sentence in _sentences(diff):
                out.print(f"- {escape(sentence)}", highlight=False, soft_wrap=True)
    out.print(f"\n{_in_short(comparison)}", highlight=False)
    if left_out := _left_out(comparison):
        out.print(left_out, highlight=False, soft_wrap=True)


def _in_short(comparison: Comparison) -> str:
    count = sum(not diff.is_same for diff in comparison.tables)
    if not count:
        return f"no table differs, of {len(comparison.tables):,}"
    return f"{count:,} of {len(comparison.tables):,} tables {'differs' if count == 1 else 'differ'}"


def _left_out(comparison: Comparison) -> str:
    names = sorted({name for diff in comparison.tables for name in diff.left_out})
    return (
        f"not compared, because they tell of loads: {', '.join(names)}; --load-columns compares them" if names else ""
    )


def _state_in_words(state: KeptState) -> str:
    shown = stated(state.published, state.number)
    at = f", published {shown.published_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if shown else ""
    return f"{printable(state.name)}: state {state.number} in {printable(str(state.published))}{at}"


def _cells(diff: TableDiff) -> list[str]:
    rows = [_count(diff.rows_a), _count(diff.rows_b)]
    if diff.rows_a is None or diff.rows_b is None:
        return [_name(diff.table), *rows, "", "", "", _shape(diff)]
    counts = [_count(diff.rows.only_a), _count(diff.rows.only_b), _count(diff.rows.differing) if diff.key else "-"]
    shape = "" if diff.has_same_shape else _shape(diff)
    same = "the same" if diff.is_same else ""
    return [_name(diff.table), *rows, *counts, "; ".join(filter(None, (shape, _changed(diff)))) or same]


def _shape(diff: TableDiff) -> str:
    if diff.rows_a is None or diff.rows_b is None:
        return f"only in {'B' if diff.rows_a is None else 'A'}"
    return "other columns or types"


def _changed(diff: TableDiff) -> str:
    counts = sorted(diff.changed_columns.items(), key=lambda item: -item[1])
    return ", ".join(f"{_name(name)} {count:,}" for name, count in counts)


def _sentences(diff: TableDiff) -> Iterator[str]:
    """What differs in a table, beyond the counts."""
    for side, columns in (("A", diff.columns_only_a), ("B", diff.columns_only_b)):
        yield from (f"column {_name(name)} {_name(kind)} is only in {side}" for name, kind in columns)
    for pair in diff.types:
        yield (
            f"column {_name(pair.name)} is {_name(pair.a)} in A and {_name(pair.b)} in B; "
            "its values are compared as text, numbers by their value"
        )
    if not diff.has_same_rows and diff.without_key:
        yield f"compared as whole rows, and equal rows counted, because {printable(diff.without_key)}"
    yield from (_in_words(diff, example) for example in diff.rows.examples)


def _in_words(diff: TableDiff, example: Example) -> str:
    a, b = (dict(zip(diff.compared, values, strict=False)) for values in (example.a, example.b))
    row = a or b
    key = ", ".join(f"{_name(name)} = {_value(row[name])}" for name in diff.key)
    if example.kind == DIFFERING:
        changes = [f"{_name(name)} {_change(a[name], b[name])}" for name in a if _differs(diff, name, a, b)]
        return f"differs: {key}: {', '.join(changes)}"
    others = [f"{_name(name)} = {_value(value)}" for name, value in row.items() if name not in diff.key]
    more = [f"and {len(others) - _FEW:,} more"] if len(others) > _FEW else []
    where = "A" if example.kind == ONLY_A else "B"
    return f"only in {where}: {': '.join(filter(None, (key, ', '.join([*others[:_FEW], *more]))))}"


def _differs(diff: TableDiff, name: str, a: Mapping[str, str | None], b: Mapping[str, str | None]) -> bool:
    """Whether a column of an example is shown: its texts differ, or are masked and rows differ in it."""
    return a[name] != b[name] or (name in diff.changed_columns and name not in diff.key and _is_masked(a[name]))


def _is_masked(value: str | None) -> bool:
    return value == masked({"": 1}, {""})[""]


def _change(a: str | None, b: str | None) -> str:
    """Both values, cut so that the first character that differs is shown."""
    if a is None or b is None or max(len(a), len(b)) <= _WIDTH:
        return f"{_value(a)} → {_value(b)}"
    same = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, same - _BEFORE)
    return f"{_value(a, start)} → {_value(b, start)}"


def _value(value: str | None, start: int = 0) -> str:
    if value is None:
        return "NULL"
    if value == "NULL" or value != value.strip() or not value:
        value = f"'{value}'"
    shown = printable(value[start : start + _WIDTH])
    before = "…" if start else ""
    return f"{before}{shown}{f'… ({len(value):,} characters)' if len(value) > start + _WIDTH else ''}"


def _name(text: str) -> str:
    return printable(text)


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def as_json(comparison: Comparison) -> str:
    """A comparison as an object of JSON; values are text, as DuckDB writes them."""
    states = {
        side: {"name": state.name, "published": str(state.published), "state": state.number}
        for side, state in (("a", comparison.a), ("b", comparison.b))
    }
    tables = [_as_object(diff) for diff in comparison.tables]
    whole = {**states, "is_same": comparison.is_same, "tables": tables}
    return strict_json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _as_object(diff: TableDiff) -> dict[str, object]:
    counts = asdict(diff.rows)
    return {
        "table": diff.table,
        "is_same": diff.is_same,
        "rows_a": diff.rows_a,
        "rows_b": diff.rows_b,
        **{name: counts[name] for name in ("only_a", "only_b", "differing")},
        "differing_by_column": diff.changed_columns,
        "key": list(diff.key),
        "without_key": diff.without_key,
        "columns_only_a": dict(diff.columns_only_a),
        "columns_only_b": dict(diff.columns_only_b),
        "types": {pair.name: {"a": pair.a, "b": pair.b} for pair in diff.types},
        "left_out": list(diff.left_out),
        "examples": [
            {
                "kind": example.kind,
                "a": _row(diff, example.a),
                "b": _row(diff, example.b),
            }
            for example in diff.rows.examples
        ],
    }


def _row(diff: TableDiff, values: Sequence[str | None]) -> dict[str, str | None] | None:
    if not values:
        return None
    return {name: _cut(value) for name, value in zip(diff.compared, values, strict=True)}


def _cut(value: str | None) -> str | None:
    return value if value is None or len(value) <= _LONG else f"{value[:_LONG]}… ({len(value):,} characters)"


def as_markdown(comparison: Comparison) -> str:
    """A comparison as Markdown in which no name or value is a mark."""
    headings = ["table", "rows in A", "rows in B", "only in A", "only in B", "differing", "columns that differ"]
    lines = [f"**{_in_short(comparison)}**", ""]
    lines += [f"- {s}: {_code(_state_in_words(t))}" for s, t in (("A", comparison.a), ("B", comparison.b))]
    lines += ["", _row_of(headings), _row_of(["---", *["---:"] * 5, "---"])]
    for diff in comparison.tables:
        name, *cells = _cells(diff)
        lines.append(_row_of([_cell(name), *cells[:-1], _cell(cells[-1])]))
    for diff in comparison.tables:
        if not diff.is_same:
            lines += ["", f"{_code(_name(diff.table))}", ""]
            lines += [f"- {_code(sentence)}" for sentence in _sentences(diff)]
    if left_out := _left_out(comparison):
        lines += ["", _code(left_out)]
    return "\n".join(lines) + "\n"


def _row_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text as code in a table, where a bar ends a cell even within code."""
    return _code(text).replace("|", "\\|") if text else ""


def _code(text: str) -> str:
    """Text as code, whatever marks are in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
