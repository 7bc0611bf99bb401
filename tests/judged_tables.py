"""What `source new` makes of generated tables: right, wrong and told, or wrong and not a word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml

from assay.base.archive_limits import ArchiveLimits
from assay.describing.archive_files import described
from assay.describing.kinds import Undescribable
from assay.describing.proposal import propose
from assay.describing.proposed_yml import Proposal
from assay.text import content
from tests.generated_files import Table, table_of
from tests.source import Source

Judgement = Literal["right", "told", "silent"]
_OF_DIALECT = ("delimiter", "header", "encoding", "preamble", "footer", "comment", "records", "sheet", "quote")


class Generated(Source):
    """A source whose contract is a proposal."""

    proposal: Proposal

    @property
    def node(self) -> dict[str, Any]:
        model = yaml.safe_load(self.proposal.yml)["models"][0]
        columns = {
            column["name"]: {"config": {"meta": {}}, **column, "constraints": column.get("constraints", [])}
            for column in model["columns"]
        }
        return {
            **model,
            "patch_path": "assay://models/x.yml",
            "columns": columns,
            "constraints": model.get("constraints", []),
        }


def load(home: Path, proposal: Proposal, files: dict[str, bytes]) -> Generated:
    """Load files under a proposal."""
    source = Generated(home, {}, verdict="null::varchar[]")
    source.proposal = proposal
    for name, written in files.items():
        source.put(name, written)
    source.run()
    return source


@dataclass
class Judged:
    """One table judged.

    Attributes:
        dialect: Type, encoding, delimiter, header, and which lines are records.
        key: Columns, and whether files add up.
        types: Of each column; right where all values, of files that were not shown too, are what they were.
        records: Whether all of them are rows, also those that were not shown.
        why: What is not right.
    """

    dialect: Judgement
    key: Judgement
    types: list[Judgement] = field(default_factory=list)
    records: Judgement = "right"
    why: list[str] = field(default_factory=list)


def judged(seed: int, folder: Path) -> Judged:
    """Describe the shown files of a table, load all, and hold what is in bronze against the truth."""
    table = table_of(seed)
    shown = folder / "shown"
    shown.mkdir(parents=True)
    for name in table.shown:
        (shown / _file(table, name)).write_bytes(table.files[name])
    paths = sorted(shown.iterdir())
    try:
        with described("sales", paths, ArchiveLimits()) as files:
            proposal = propose("sales", files, "tests")
    except Undescribable as error:
        told: Judgement = "told"
        return Judged(told, told, [told for _ in table.columns], told, [f"refused: {error}"])
    result = Judged("right", "right")
    result.dialect = _dialect(table, proposal, paths, result.why)
    result.key = _key(table, proposal, result.why)
    source = load(folder, proposal, {_file(table, name): data for name, data in table.files.items()})
    try:
        result.types = [_type(table, at, proposal, source, result.why) for at in range(len(table.columns))]
        result.records = _records(table, proposal, source, result.why)
    finally:
        source.connection.close()
    return result


def _file(table: Table, name: str) -> str:
    endings = {"csv": ".csv", "jsonl": ".jsonl", "json": ".json", "excel": ".xlsx", "parquet": ".parquet"}
    return name + endings[table.writing.type] + table.writing.packed


def _or_told(proposal: Proposal, *of: str) -> Judgement:
    return (
        "told"
        if any(sentence.startswith(tuple(f"{each}:" for each in of)) for sentence in proposal.unsure)
        else "silent"
    )


def _dialect(table: Table, proposal: Proposal, paths: list[Path], why: list[str]) -> Judgement:
    writing, form = table.writing, proposal.form
    is_json = form.records is not None
    kind = "json" if is_json else "excel" if form.sheet is not None else form.type
    wrong = [] if kind == writing.type else [f"type {kind}, not {writing.type}"]
    if writing.type == "csv" and kind == "csv":
        wrong += (
            [] if form.delimiter == writing.delimiter else [f"delimiter {form.delimiter!r}, not {writing.delimiter!r}"]
        )
        wrong += [] if bool(form.header) == writing.header else [f"header {form.header}"]
        for name, path in zip(table.shown, paths, strict=True):
            text = b"".join(content(path)).decode(form.encoding, "replace").removeprefix("\ufeff")
            if text != table.texts[name]:
                wrong.append(f"encoding {form.encoding}, not {writing.encoding}")
                break
    records = sum(len(table.records[name]) for name in table.shown)
    wrong += [] if proposal.records == records else [f"{proposal.records} records, not {records}"]
    names = [column.name for column in proposal.columns]
    wrong += [] if names == [column.name for column in table.columns] else [f"names {names}"]
    why += [f"dialect: {each}" for each in wrong]
    return _or_told(proposal, *_OF_DIALECT) if wrong else "right"


def _key(table: Table, proposal: Proposal, why: list[str]) -> Judgement:
    at = range(len(table.identity.columns))
    truth = (tuple(table.columns[n].name for n in at), table.identity.load)
    if (proposal.identity.key, proposal.identity.load) == truth:
        return "right"
    why.append(f"key: {proposal.identity.key} {proposal.identity.load}, not {truth}")
    return _or_told(proposal, "key", "load")


def _type(table: Table, at: int, proposal: Proposal, source: Generated, why: list[str]) -> Judgement:
    column = table.columns[at]
    [proposed] = [each for each in proposal.columns if each.name == column.name] or [None]
    if proposed is None:
        return _or_told(proposal, *_OF_DIALECT)
    truth = Counter(_same(row[at]) for rows in table.records.values() for row in rows)
    rows = source.sql(f'select "{column.name}" from {source.table}')
    seen = Counter(_same(value if column.kind else value or None) for (value,) in rows)
    if (not column.kind or proposed.type.kind == column.kind) and seen == truth:
        return "right"
    lost, other = list((truth - seen).items())[:3], list((seen - truth).items())[:3]
    why.append(
        f"type of {column.name}: {proposed.type.sql} {proposed.type.spelling.form}, not {column.kind}; {lost} {other}"
    )
    return _or_told(proposal, column.name, *(("nulls", "encoding") if lost else ()))


def _same(value: object) -> object:
    """A value as it is compared."""
    if isinstance(value, Decimal):
        return value.normalize()
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


def _records(table: Table, proposal: Proposal, source: Generated, why: list[str]) -> Judgement:
    records = sum(map(len, table.records.values()))
    rows = source.sql(f"select count(*) from {source.table}")[0][0]
    if rows == records and not source.malformed() and set(source.files().values()) == {"loaded"}:
        return "right"
    why.append(f"records: {rows} rows of {records}; {source.malformed()[:2]}; {set(source.files().values())}")
    return "told" if proposal.unsure else "silent"
