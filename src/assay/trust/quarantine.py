"""Records that are left out: how many, why, since when, and what they look like as far as anybody may see it.

A reason of a malformed record, and its text, may quote any value of it. Of a source with personal columns only the
name of the column stands for such a reason; of a row that broke a rule the rule's name, and the record with its
personal values masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import TableName, literal
from assay.contract.personal import MASKED
from assay.trust.table_trust import shown_tables

EXPORTED = 100_000
"""Records of a download."""
_QUOTED = r"'[^']*'"
"""A value as a reason quotes it."""


@dataclass(frozen=True)
class Reason:
    """Why records of a source are left out.

    Attributes:
        source: Of the records.
        kind: `malformed` for what never became a row, `quarantined` for a row that breaks a rule.
        reason: Without the values that it is about.
        count: Records that have it, in files that count.
        days: (day of the file, records), the oldest first.
    """

    source: str
    kind: str
    reason: str
    count: int
    days: Sequence[tuple[date, int]]


@dataclass(frozen=True)
class Left:
    """A record that is left out.

    Attributes:
        kind: As of `Reason`.
        reasons: Without values about people.
        record: As it stood in its file, or `masked`.
        path: Of its file.
        line: In it, where that is known.
        file_id: The content.
    """

    kind: str
    reasons: Sequence[str]
    record: str
    path: str
    line: int | None
    file_id: int


def quarantines(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> list[str]:
    """The sources of the project whose quarantine readers see."""
    shown = shown_tables(connection)
    return [source for source in sorted(catalog.contracts) if _table(source).table in shown]


def read_reasons(connection: duckdb.DuckDBPyConnection, catalog: Catalog, sources: Sequence[str]) -> list[Reason]:
    """Every reason of some sources, the most frequent first."""
    reasons = []
    for source in sources:
        rows = connection.execute(
            f"""
            with days as (
                select file_id, max(day) as day from ops.profiles where source = $source group by file_id
            ),
            each_reason as (
                select kind, {_shown_reason(catalog, source)} as reason, coalesce(day, _loaded_at::date) as day,
                    count(*) as n
                from (select *, unnest(reasons) as reason_text from {_table(source).sql} where is_live) as records
                left join days on records._file_id = days.file_id
                group by all
            )
            select kind, reason, sum(n)::bigint, list((day, n) order by day) from each_reason group by kind, reason
            """,
            {"source": source, **_rules(catalog, source)},
        ).fetchall()
        reasons += [Reason(source, kind, reason, count, days) for kind, reason, count, days in rows]
    return sorted(reasons, key=lambda each: (-each.count, each.source, each.reason))


def count_left(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """How many records of a source are left out of files that count; each once, however many reasons it has."""
    rows = connection.execute(f"select count(*) from {_table(source).sql} where is_live").fetchall()
    return int(rows[0][0])


def read_left(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, source: str, reason: str = "", *, most: int
) -> Iterator[Left]:
    """Records that are left out of a source, the newest first.

    Args:
        connection: A connection to what is published.
        catalog: The project.
        source: One of `quarantines`.
        reason: Only with this one, as `Reason` has it; empty for all.
        most: How many.
    """
    rows = connection.execute(
        f"""
        select kind, shown, record, path, line, _file_id
        from (
            select *, list_transform(reasons, reason_text -> {_shown_reason(catalog, source)}) as shown
            from {_table(source).sql} where is_live
        )
        where $reason = '' or list_contains(shown, $reason)
        order by _loaded_at desc, path, line nulls last limit $most
        """,
        {"reason": reason, "most": most, **_rules(catalog, source)},
    ).fetchall()
    hidden = _personal(catalog, source)
    known = frozenset(catalog.contracts[source].names) - hidden  # what was rescued may be about anybody
    for kind, shown, record, path, line, file_id in rows:
        masked = _shown_record(kind, record, known.__contains__, is_masked=bool(hidden))
        yield Left(kind, shown, masked, path, line, file_id)


def export(connection: duckdb.DuckDBPyConnection, catalog: Catalog, source: str, reason: str = "") -> bytes:
    """Records that are left out, a line of JSON each, as `read_left` has them."""
    lines = []
    for left in read_left(connection, catalog, source, reason, most=EXPORTED):
        record: Mapping[str, object] = {"source": source, **vars(left)}
        lines.append(json.dumps(record, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines).encode()


def _table(source: str) -> TableName:
    return TableName("quarantine", source)


def _personal(catalog: Catalog, source: str) -> frozenset[str]:
    """The personal columns of a source."""
    return frozenset(catalog.personal & set(catalog.contracts[source].names))


def _rules(catalog: Catalog, source: str) -> dict[str, list[str]]:
    contract = catalog.contracts[source]
    return {"rules": [rule.name for rule in contract.rules], "columns": list(contract.names)}


def _shown_reason(catalog: Catalog, source: str) -> str:
    """SQL of a reason as it may be shown; `reason_text` is the reason, `kind` that of the record."""
    if _personal(catalog, source):
        column = "split_part(reason_text, ':', 1)"
        return (
            f"case when list_contains($rules, reason_text) then reason_text when list_contains($columns, {column}) "
            f"then {column} || ': ({MASKED})' else '({MASKED})' end"
        )
    return (
        "case when list_contains($rules, reason_text) or len($columns) = 0 then reason_text "
        f"else regexp_replace(reason_text, {literal(_QUOTED)}, '\u2026', 'g') end"
    )


def _shown_record(kind: str, record: str, is_shown: Callable[[str], bool], *, is_masked: bool) -> str:
    """A record with `masked` in the place of values that nobody is shown; the others as they are written."""
    if not is_masked:
        return record
    if kind != "quarantined":
        return MASKED
    try:
        return "{" + ",".join(_members(record, is_shown)) + "}"
    except (ValueError, IndexError):
        return MASKED


def _members(record: str, is_shown: Callable[[str], bool]) -> Iterator[str]:
    """The members of an object of JSON as they are written, so that no number is read and written again."""
    reader = json.JSONDecoder()
    at = _after_white(record, record.index("{") + 1)
    while record[at] != "}":
        name, end = reader.raw_decode(record, at)
        begin = _after_white(record, record.index(":", end) + 1)
        value, end = reader.raw_decode(record, begin)
        written = record[begin:end] if value is None or is_shown(name) else f'"{MASKED}"'
        yield f"{json.dumps(name, ensure_ascii=False)}:{written}"
        at = _after_white(record, end)
        if record[at] == ",":
            at = _after_white(record, at + 1)


def _after_white(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at
