"""Finds out what the columns of a file have that those of the files before it had not, and writes it down.

A change is told once: a column that came is quiet in the files that have it as well, until one lacks it. Records of
JSON say each for itself which names they have, so of these it is told what many of them do not have any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import duckdb

from assay.contract.contract import Contract
from assay.contract.names import may_be_column
from assay.contract.types import column_type
from assay.ledger.contents import is_in_a_header
from assay.ledger.pending import File
from assay.ledger.schema_changes import SchemaChange, What, insert_changes, last_changes, names_told, places_told
from assay.loading.bronze_table import BronzeTable
from assay.loading.new_names import has_insides, known_names, new_places
from assay.loading.recent_values import Held, RecentValues
from assay.reading.exact_casts import from_text
from assay.reading.json_lines import member

_MOST = 100
"""Columns of a file that are told as new, and as gone by its records; the others are with the next such file."""
_MOST_EVER = 1_000
"""Columns of a source that are told at all: objects whose names are values have a new one in each record."""
LOOKED_AT = 20_000
"""Rows of a file of which a type is proposed for the contract."""
TYPED = 20
"""Columns that are new with one file for which a type is proposed: each takes a pass over these rows."""
_MOMENTS = ("date", "timestamp", "timestamp with time zone")
_DIGITS = (18, 38)
"""Of decimals that are proposed: those of 64 bits, and all."""


@dataclass(frozen=True)
class Shape:
    """The columns of a file, as its contract sees them.

    Attributes:
        unknown: Names that the contract does not have.
        renamed: (column, name in the file) of those that the file calls otherwise.
        absent: Optional columns that it lacks; None where each record says for itself what it has.
    """

    unknown: frozenset[str]
    renamed: frozenset[tuple[str, str]]
    absent: frozenset[str] | None


def shape_of(
    contract: Contract, header: Sequence[str] | None, unknown: Iterable[str], used: Iterable[tuple[str, str]]
) -> Shape:
    """The shape of a file.

    Args:
        contract: Its contract.
        header: Its columns; None where the format has none.
        unknown: Names in its records that the contract does not have, where there is no header.
        used: (column, other name) of those that its records call otherwise; of top-level ones a header says it too.
    """
    if header is None:
        # What has columns inside of it, or is one, may be rescued in part, and that is no column of its own.
        known = known_names(contract)
        return Shape(frozenset(unknown).difference(known), frozenset(used), None)
    there = set(header)
    tops = {name: [way[0] for way in ways] for name, ways in contract.of_records.ways.items()}
    return Shape(
        frozenset(there.difference(*tops.values())),
        frozenset(
            (name, other) for name, (own, *others) in tops.items() for other in {*others} - {own} if other in there
        ).union(used),
        frozenset(name for name in contract.optional if there.isdisjoint(tops[name])),
    )


class ShapeChanges:
    """Writes down what changes, file by file as they are loaded.

    Args:
        connection: dbt's connection to the warehouse.
        contract: The source's contract.
        table: Its bronze table.
        run_id: The run that loads.
        at: When.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, table: BronzeTable, run_id: str, at: datetime
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._table = table
        self._run_id = run_id
        self._at = at
        self._never_there: set[str] = set()
        self._recent = RecentValues(connection, contract, table)
        self._has_insides = has_insides(contract)

    def note_many(self, files: Sequence[File], used: Collection[tuple[str, str]]) -> None:
        """Write down what each of the files that are loaded together changes, as `note` does of one.

        Args:
            files: Files of whose records none may have names that the contract does not have.
            used: As of `note`.
        """
        if self._says_each(files[0]):
            self._recent.count([file.file_id for file in files])
        last: Mapping[str, What] | None = None
        for file in files:
            last = last_changes(self._connection, self._contract.source) if last is None else last
            if self._note(file, used, last, is_careful=False, is_again=False):
                last = None

    def _says_each(self, file: File) -> bool:
        """Whether each record of a file says which names it has."""
        return file.header is None and self._contract.format.type == "jsonl"

    def note(
        self, file: File, used: Collection[tuple[str, str]] = (), *, is_careful: bool = True, is_again: bool = False
    ) -> None:
        """Write down what a file changes, in the transaction that loads it and after its rows are stored.

        Args:
            file: The file.
            used: (column, other name) of those that its records call otherwise, as far as no header says it.
            is_careful: Whether its records may have names that the contract does not have.
            is_again: Whether it was loaded before, so that nothing is new but what was not known yet.
        """
        last = last_changes(self._connection, self._contract.source)
        self._note(file, used, last, is_careful=is_careful, is_again=is_again)

    def _note(
        self,
        file: File,
        used: Collection[tuple[str, str]],
        last: Mapping[str, What],
        *,
        is_careful: bool,
        is_again: bool,
    ) -> bool:
        """Write down what a file changes, where `last` is what changed last of each column; gives whether it did."""
        held = self._held(file, last, is_careful=is_careful) if self._says_each(file) else None
        shape = shape_of(self._contract, file.header, held.rescued if held else (), used)
        self._never_there.intersection_update(shape.absent or ())
        places = self._places(file, is_careful=is_careful)
        if not (shape.unknown or shape.renamed or shape.absent or held or last or places):
            return False
        came = sorted(n for n in shape.unknown if last.get(n) != "came" and not (is_again and n in last))
        came = came[: max(0, min(_MOST, _MOST_EVER - len(last)))]
        told = names_told(self._connection, self._contract.source) if shape.renamed else set()
        named = [name for name in came if may_be_column(name)][:TYPED]
        types = self._proposed(file.file_id, named) if named else {}
        changed = partial(self._change, file)
        changes = [changed(name, "came", proposed_type=types.get(name)) for name in came]
        changes += [changed(place, "came", name_in_file=name) for place, name in places.items()]
        changes += [changed(name, "renamed", name_in_file=other) for name, other in sorted(shape.renamed - told)]
        if shape.absent is not None and not is_again:
            changes += [changed(name, "came") for name in self._back(shape.absent, last)]
            changes += [changed(name, "went") for name in self._gone(shape, shape.absent, last)]
        if held is not None and not is_again:
            columns = self._recent.columns
            back = [name for name in columns if last.get(name) == "went" and held[name]]
            changes += [changed(name, "came") for name in back[:_MOST]]
            changes += [changed(name, "went") for name in self._stopped(held, last)[:_MOST]]
            self._recent.add(file.file_id, held)
        if changes:
            insert_changes(self._connection, changes, self._run_id)
        return bool(changes)

    def _places(self, file: File, *, is_careful: bool) -> dict[str, str]:
        """What came inside of columns, or beside them in an object: the last name of each place."""
        if not (is_careful or self._contract.format.type == "parquet") or not self._has_insides:
            return {}
        rescued = f"({self._table.rescued_of(file.file_id)})"
        if places := new_places(self._connection, self._contract, rescued):
            told = places_told(self._connection, self._contract.source)
            room = max(0, min(_MOST, _MOST_EVER - len(told)))
            return dict([item for item in places.items() if item[0] not in told][:room])
        return {}

    def _change(self, file: File, column: str, what: str, **more: str | None) -> SchemaChange:
        values = {"name_in_file": None, "proposed_type": None, **more}
        return SchemaChange(
            source=self._contract.source,
            file_id=file.file_id,
            path=file.name,
            column=column,
            what=what,  # type: ignore[arg-type]
            changed_at=self._at,
            contract_version=self._contract.version,
            **values,
        )

    def _back(self, absent: Collection[str], last: Mapping[str, str]) -> list[str]:
        """Optional columns that had gone and are there."""
        return [name for name in self._contract.optional if last.get(name) == "went" and name not in absent]

    def _gone(self, shape: Shape, absent: Collection[str], last: Mapping[str, str]) -> list[str]:
        """Columns that were there and are not."""
        unnamed = [name for name in self._unnamed(last) if name not in shape.unknown]
        return [*unnamed, *(name for name in self._contract.optional if name in absent and self._was_there(name, last))]

    def _unnamed(self, last: Mapping[str, str]) -> list[str]:
        """Names that came and that the contract does not have."""
        known = known_names(self._contract)
        return [name for name in sorted(last) if last[name] == "came" and name not in known]

    def _held(self, file: File, last: Mapping[str, str], *, is_careful: bool) -> Held:
        """What the records of a file have."""
        return self._recent.of(file.file_id, self._unnamed(last), _MOST, is_careful=is_careful)

    def _stopped(self, held: Held, last: Mapping[str, str]) -> list[str]:
        """Columns, and names that the contract does not have, that were there and are not, where no header says it."""
        there = [*self._unnamed(last), *(name for name in self._recent.columns if last.get(name) != "went")]
        return self._recent.stopped(held, [name for name in there if not held[name]])

    def _was_there(self, name: str, last: Mapping[str, str]) -> bool:
        """Whether the files before had an optional column."""
        if name in last:
            return last[name] == "came"
        if name in self._never_there:
            return False
        if is_in_a_header(self._connection, self._contract.source, [way[0] for way in self._contract.ways[name]]):
            return True
        self._never_there.add(name)
        return False

    def _proposed(self, file_id: int, names: Sequence[str]) -> dict[str, str]:
        """The narrowest type that holds all values of each column of a file, by what was rescued of it."""
        rescued = f"{self._table.rescued_of(file_id)} limit {LOOKED_AT}"
        each = ", ".join(f"{member('_rescued', name)} as t{at}" for at, name in enumerate(names))
        rows = f"(select {each} from ({rescued}))"
        texts = [f"t{at}" for at in range(len(names))]
        scale = "max(length(regexp_extract({0}, '\\.([0-9]+)$', 1)))"
        scales = self._connection.execute(f"select {', '.join(scale.format(t) for t in texts)} from {rows}").fetchall()[
            0
        ]
        return {
            name: self._holding(rows, text, int(digits or 0))
            for name, text, digits in zip(names, texts, scales, strict=True)
        }

    def _holding(self, rows: str, text: str, scale: int) -> str:
        decimals = [f"decimal({digits},{scale})" for digits in _DIGITS if scale <= digits]
        types = ["bigint", *decimals, "double", *_MOMENTS]
        fits = ", ".join(f"count({from_text(text, column_type(kind))})" for kind in types)
        zeros = f"count(*) filter (regexp_matches({text}, '^[+-]?0[0-9]'))"
        words = f"count(*) filter (lower({text}) in ('true', 'false'))"
        count, padded, flags, *fitting = self._connection.execute(
            f"select count({text}), {zeros}, {words}, {fits} from {rows}"
        ).fetchall()[0]
        if count and flags == count:
            return "boolean"
        held = [kind for kind, fit in zip(types, fitting, strict=True) if fit == count]
        if padded:  # as a number, `007` would lose its zeros
            held = [kind for kind in held if kind in _MOMENTS]
        return held[0] if count and held else "varchar"
