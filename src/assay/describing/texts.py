"""All values of some files as texts, in one table of a database that is thrown away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from assay.contract.contract import Column, Contract
from assay.contract.format import Format
from assay.contract.names import literal, quoted
from assay.contract.pointer import pointer_of
from assay.contract.types import ColumnType, column_type
from assay.describing.headers import first_record
from assay.describing.kinds import Undescribable
from assay.describing.nested_values import Names, Way, json_texts, values_in_json, values_in_struct
from assay.describing.schema_types import declared_types
from assay.reading.json_lines import INEXACT, marked, unmarked
from assay.reading.read_views import csv_source, readable_path
from assay.text import Unreadable, content, scan, split, write_clean
from assay.text.avro import avro_schema
from assay.text.compression import MARK, compression
from assay.text.encoding import is_direct
from assay.text.stream import open_regular

FILE = "_file"
"""The number of the file, from 0."""
_ELEMENT = "_"
"""The member with the element of a list, beside what is taken of its record; no column is called so."""
_MARK = "\ue0d7number:"
"""What numbers begin with while they are texts, so that none loses a digit."""
_MANY = 20_000_000  # bytes of one JSON object


@dataclass(frozen=True)
class Texts:
    """What stands in some files.

    Attributes:
        connection: Where the table `described` is; its columns are text, and of Parquet what the files say.
        names: Its columns, in the order of the first file, then those that others add.
        types: DuckDB's types of those, where files say them (Parquet).
        absent: How many files leave each of some columns out.
        records: Records that are whole.
        malformed: Records that are not, with an example.
    """

    connection: duckdb.DuckDBPyConnection
    names: list[str]
    types: dict[str, str]
    absent: dict[str, int]
    records: int
    malformed: int
    example: str
    declared: dict[str, ColumnType | None] = field(default_factory=dict)
    """Types of columns by the schema of the files (Avro); None where it says several."""
    values: dict[str, str] = field(default_factory=dict)
    """SQL of columns as they are typed, once that is known: `1` and `1.0` are two texts and one number."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where in a record those stand that are not its members by their own names."""
    lists: Mapping[str, str] = field(default_factory=dict)
    """Pointers to those that are lists, of JSON."""


@contextmanager
def texts_of(paths: Sequence[Path], form: Format, scratch: Path, tell: Callable[[str], object]) -> Iterator[Texts]:
    """Read all files.

    Args:
        paths: The files.
        form: How they are written.
        scratch: A folder for what does not fit into memory.
        tell: Told which file is read.

    Raises:
        Undescribable: A file cannot be read as that.
    """
    scratch.mkdir(exist_ok=True)
    (scratch / "described.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(scratch / "described.duckdb")) as connection:
        connection.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
        reader = _READERS[form.type](connection, form, scratch)
        for number, path in enumerate(paths):
            tell(f"reading {path.name}, file {number + 1:,} of {len(paths):,}")
            try:
                reader.take(number, path)
            except (Unreadable, duckdb.Error) as error:
                raise Undescribable(
                    f"{path.name}: cannot be read as {form.type}: {str(error).splitlines()[0]}"
                ) from error
        try:
            texts = reader.texts()
        except duckdb.Error as error:
            raise Undescribable(f"{paths[0].name}: its columns cannot be told: {str(error).splitlines()[0]}") from error
        yield texts


class _Reader:
    """Takes files one after the other into `described`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, form: Format, scratch: Path) -> None:
        self.connection = connection
        self.form = form
        self.scratch = scratch
        self.kinds: dict[str, str] = {}
        self.present: dict[str, int] = {}
        self.files = 0
        """Files that have columns; one of JSON without records shows none."""
        self.declared: dict[str, ColumnType | None] = {}
        self.malformed, self.example = 0, ""
        self.places: dict[str, str] = {}
        self.lists: dict[str, str] = {}

    def take(self, number: int, path: Path) -> None:
        """Add the rows of a file.

        Raises:
            Unreadable: It cannot be read as what the others are.
        """
        raise NotImplementedError

    def insert(self, number: int, columns: dict[str, str], source: str) -> None:
        """Add the rows of a file: SQL of each column, by name."""
        for name in columns:
            self.present[name] = self.present.get(name, 0) + 1
        self.files += bool(columns)
        values = "".join(f"{value} as {quoted(name)}, " for name, value in columns.items())
        query = f"select {values}{number}::integer as {FILE} from {source}"
        if number == 0:
            self.connection.execute(f"create table described as {query} limit 0")
        for name in columns:
            kind = self.kinds.get(name, "varchar")
            self.connection.execute(f"alter table described add column if not exists {quoted(name)} {kind}")
        self.connection.execute(f"insert into described by name {query}")

    def texts(self) -> Texts:
        """What was taken."""
        records = self.connection.execute("select count(*) from described").fetchall()[0][0]
        absent = {name: self.files - times for name, times in self.present.items() if times < self.files}
        return Texts(
            self.connection,
            list(self.present),
            self.kinds,
            absent,
            int(records),
            self.malformed,
            self.example,
            self.declared,
            places=self.places,
            lists=self.lists,
        )


class _Csv(_Reader):
    def take(self, number: int, path: Path) -> None:
        header = scan(path, self.form).header
        names = list(header) if header is not None else [f"column_{at}" for at in range(1, self._width(path) + 1)]
        if ours := [name for name in names if name.startswith("_")]:
            raise Undescribable(
                f"{path.name}: its column {ours[0]!r} begins with `_`, as those that Assay adds do; have it called "
                "otherwise, or write a contract without a header: `header: false` and `preamble: 1`"
            )
        good, bad = self.scratch / "good", self.scratch / "bad"
        split = write_clean(path, self.form, len(names), good, bad)
        self.malformed += split.bad
        if split.example and not self.example:
            self.example = f"{path.name}, line {split.example.line}: {split.example.problem}"
        text = column_type("varchar")
        contract = Contract(
            "described",
            "1.0.0",
            "",
            "",
            self.form,
            "events",
            tuple(Column(name, text) for name in names),
            (),
            (),
            "rescue",
        )
        with readable_path(good) as name:
            source = csv_source(name, contract, header, is_parallel=not split.has_quoted_line_ends)
            self.insert(number, {column: f"c{at}" for at, column in enumerate(names)}, source)

    def _width(self, path: Path) -> int:
        if self.present:
            return len(self.present)
        return len(first_record(path, self.form, is_whole=False))


class _JsonLines(_Reader):
    """Records in a table `lines`, until all files show what stands inside them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, form: Format, scratch: Path) -> None:
        super().__init__(connection, form, scratch)
        self._declaring: Counter[str] = Counter()
        """Files of which the schema has a column, by name."""
        connection.execute(f"create table lines (json json, {FILE} integer)")

    def take(self, number: int, path: Path) -> None:
        names = self._declare(path) if self.form.is_avro else ()
        with readable_path(self._lines(path)) as name:
            lines = (
                f"read_json_objects({literal(name)}, format = 'newline_delimited', ignore_errors = true, "
                f"maximum_object_size = {_MANY})"
            )
            [(empty,)] = self.connection.execute(f"select count(*) from {lines} where json is null").fetchall()
            self.malformed += int(empty)
            is_inexact = f"regexp_matches(json::varchar, {literal(INEXACT)})"
            exact = f"case when {is_inexact} then {marked('json::varchar', _MARK)}::json else json end"
            insert = f"insert into lines select {exact}, {number} from {lines} where json is not null"
            [(inserted,)] = self.connection.execute(insert).fetchall()
            self.files += bool(inserted or names)

    def texts(self) -> Texts:
        outer = [name for name, _ in self.form.places]
        base = () if self.form.each is None else (_ELEMENT,)
        values = values_in_json(self.connection, "lines", FILE, base)
        unseen = [name for name in self.declared if name not in {value.way[0] for value in values}]
        names = Names(outer)
        called = names.of([*(value.way for value in values), *((name,) for name in unseen)])
        ways: dict[str, Way] = {name: (name,) for name in outer}
        ways |= {called[(name,)]: (name,) for name in unseen}
        for value in values:
            name = called[value.way]
            ways[name] = (*base, *value.way)
            self.present[name] = value.files if value.way[0] not in self.declared else self._declaring[value.way[0]]
            if value.is_list:
                self.lists[name] = pointer_of(*value.way)
        if base:
            self._take_elements(names, ways, has_objects=bool(values))
        self.places = {**dict(self.form.places), **names.places}
        self.present |= {called[(name,)]: self._declaring[name] for name in unseen}
        if not ways:
            raise Undescribable("the records of the files have no names, so there are no columns")
        self.present = {name: self.present.get(name, self.files) for name in ways}
        texts = ", ".join(f"{unmarked(f'v[{at}]', _MARK)} as {quoted(name)}" for at, name in enumerate(ways, 1))
        read = f"select {json_texts(list(ways.values()))} as v, {FILE} from lines"
        self.connection.execute(f"create table described as select {texts}, {FILE} from ({read})")
        return super().texts()

    def _take_elements(self, names: Names, ways: dict[str, Way], *, has_objects: bool) -> None:
        """Tell elements apart that are no records; where none is an object, each is a value itself."""
        if not has_objects:
            [name] = names.of([("value",)]).values()
            names.places[name], ways[name] = "", (_ELEMENT,)
            return
        wrong = f"json_type(json, '/{_ELEMENT}') is distinct from 'OBJECT'"
        [(others,)] = self.connection.execute(f"select count(*) from lines where {wrong}").fetchall()
        self.malformed += int(others)
        self.connection.execute(f"delete from lines where {wrong}")

    def _declare(self, path: Path) -> Sequence[str]:
        """Note the types in the schema of a file, of a column for which files have two none; gives its names."""
        types = declared_types(avro_schema(content(path)))
        for name, kind in types.items():
            is_same = self.declared.setdefault(name, kind) == kind
            self.declared[name] = kind if is_same else None
            self._declaring[name] += 1
        return list(types)

    def _lines(self, path: Path) -> Path:
        """The file, or its records as lines of UTF-8, where DuckDB would not read them as they stand."""
        with open_regular(path) as file:
            packed = compression(file.read(MARK))
        is_plain = self.form.records is None and self.form.each is None and not self.form.is_converted
        if is_plain and is_direct(self.form.encoding) and packed == "none":
            return path
        form = self.form
        if form.each is not None:
            form = replace(form, places=(*form.places, (_ELEMENT, "")))
        lines = self.scratch / "lines"
        with lines.open("wb") as out:
            for record in split(path, form, 1):
                if record.problem is None:
                    out.write((record.clean or record.raw) + b"\n")
                else:
                    self.malformed += 1
                    self.example = self.example or f"{path.name}, record {record.line}: {record.problem}"
        return lines


class _Parquet(_Reader):
    def __init__(self, connection: duckdb.DuckDBPyConnection, form: Format, scratch: Path) -> None:
        super().__init__(connection, form, scratch)
        self._names = Names([])
        self.places = self._names.places

    def take(self, number: int, path: Path) -> None:
        with readable_path(path) as name:
            source = f"read_parquet({literal(name)}, hive_partitioning = false)"
            described = self.connection.execute(f"describe select * from {source}").fetchall()
            inside = [values_in_struct(column, duckdb.sqltype(declared)) for column, declared, *_ in described]
            fields = {way: (value, kind) for values in inside for way, value, kind in values}
            called = self._names.of(list(fields))
            for way, (_, kind) in fields.items():
                if self.kinds.setdefault(called[way], kind) != kind:
                    raise Unreadable(f"{'.'.join(way)} is {kind} in it and {self.kinds[called[way]]} in others")
            values = {called[way]: value for way, (value, _) in fields.items()}
            self.insert(number, values, source)


_READERS = {"csv": _Csv, "jsonl": _JsonLines, "parquet": _Parquet}
