"""The type of a column in which every value of it can be held, by the very SQL with which a load would read it.

Values are tried on a sample first, and what holds there on all of them. What a column may be besides is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from assay.contract.errors import ContractError
from assay.contract.names import literal, quoted
from assay.contract.spelling import Spelling
from assay.contract.types import MAX_PRECISION, ColumnType, column_type
from assay.describing.date_patterns import patterns_of
from assay.describing.nested_columns import type_of_file
from assay.reading.exact_casts import from_text, from_value
from assay.reading.nested import children, from_nested
from assay.reading.spelled import plainly

NULLS = ("", "NA", "N/A", "n/a", "NULL", "null", "None", "\\N", "-", "#N/A", "nan", "NaN", "?")
"""Texts that mean no value in columns which without them are numbers or dates."""
_MARKS = ((".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (".", "'"), (".", " "), (",", "'"))
_SPELLED = {".": r"\.", ",": ",", "'": "['\u2019]", " ": "[ \u00a0\u202f]"}
"""How marks are found in values."""
_UNITS = ("€", "$", "£", "¥", "%", "EUR", "USD", "GBP", "CHF", "kg", "km")
_DIGITS = "regexp_full_match(t, '[0-9]{8}|[0-9]{14}')"
"""Whole numbers that may be dates."""
_SAMPLE = 1000
_ROOM = 3
"""Digits before the mark that a decimal may have beyond those that were seen."""
_LEAST_PRECISION = 12
_OF_FILES = {
    "FLOAT": "double", "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "hugeint",
    "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
}  # fmt: skip


@dataclass(frozen=True)
class Proposed:
    """What a column is.

    Attributes:
        name: As files write it.
        type: In which all its values can be held.
        nulls: Texts in it that were taken for no value.
        filled: Records with a value.
        least: The least value, as text; empty where there is none.
        most: The greatest value.
        unsure: What else it may be, in sentences.
    """

    name: str
    type: ColumnType
    nulls: tuple[str, ...] = ()
    filled: int = 0
    least: str = ""
    most: str = ""
    unsure: list[str] = field(default_factory=list)


def typed_by_file(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> Proposed:
    """A column of Parquet, whose file says its type."""
    if nested := type_of_file(kind, _OF_FILES):
        held = from_nested(quoted(name), kind, nested)
        counts = f"count({quoted(name)}), count(*) filter ({quoted(name)} is not null and ({held}) is null)"
        [(filled, lost)] = connection.execute(f"select {counts} from described").fetchall()
        if not lost:
            return Proposed(name, nested, (), int(filled))
    sql = _OF_FILES.get(kind, kind.lower())
    try:
        wanted = column_type("" if children(duckdb.sqltype(kind)) else sql)
        unsure: list[str] = []
    except ContractError:
        wanted, unsure = column_type("varchar"), [f"{name}: {kind} in the files is JSON in a varchar"]
    held = from_value(quoted(name), kind, wanted)
    [(lost,)] = connection.execute(
        f"select count(*) from described where {quoted(name)} is not null and {held} is null"
    ).fetchall()
    if lost:
        unsure = [f"{name}: {lost:,} of its values are no {wanted.sql} exactly, so it is a text"]
        wanted = column_type("varchar")
    [(filled, least, most)] = connection.execute(
        f"select count({quoted(name)}), min({quoted(name)})::varchar, max({quoted(name)})::varchar from described"
    ).fetchall()
    return Proposed(name, wanted, (), int(filled), str(least or "")[:100], str(most or "")[:100], unsure)


def typed_as_list(connection: duckdb.DuckDBPyConnection, name: str, wanted: ColumnType) -> Proposed:
    """A column of JSON that is a list of plain values in each record."""
    [(filled,)] = connection.execute(f"select count({quoted(name)}) from described").fetchall()
    return Proposed(name, wanted, (), int(filled))


def typed_by_schema(connection: duckdb.DuckDBPyConnection, name: str, wanted: ColumnType) -> Proposed:
    """A column whose type is in the schema of the files; a text where that cannot hold a moment exactly."""
    value = from_text(quoted(name), wanted)
    [(filled, held, least, most)] = connection.execute(
        f"select count({quoted(name)}), count({value}), min({value})::varchar, max({value})::varchar from described"
    ).fetchall()
    ends = (str(least or "")[:100], str(most or "")[:100])
    if wanted.kind in ("date", "timestamp", "timestamptz") and held < filled:
        doubt = f"{name}: {filled - held:,} of its moments are no {wanted.sql} exactly, so it is a text"
        return Proposed(name, column_type("varchar"), (), int(filled), unsure=[doubt])
    return Proposed(name, wanted, (), int(filled), *ends)


def typed_by_values(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    usual: Spelling,
    *,
    is_sure: bool,
    nulls: bool,
    has_numbers: bool = False,
) -> Proposed:
    """A column of texts.

    Args:
        connection: With the table `described`.
        name: The column.
        usual: How numbers are probably written, which decides where several ways are possible.
        is_sure: Whether other columns show that, so that it goes before DuckDB's own way.
        nulls: Whether some texts may be taken for no value.
        has_numbers: Whether some values are numbers in the files, whose point is before a fraction, and not texts.
    """
    return _Column(connection, name, usual, is_sure=is_sure, has_nulls=nulls, has_numbers=has_numbers).proposed()


class _Column:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        usual: Spelling,
        *,
        is_sure: bool,
        has_nulls: bool,
        has_numbers: bool,
    ) -> None:
        self._is_sure = is_sure
        self._has_numbers = has_numbers
        self._connection = connection
        self._name = name
        self._usual = usual
        self._unsure: list[str] = []
        connection.execute(
            f"create or replace temp table vals as select {quoted(name)} as t, count(*) as n from described "
            f"where {quoted(name)} is not null group by 1"
        )
        listed = ", ".join(map(literal, NULLS))
        tokens = self._rows(f"select t from vals where trim(t) in ({listed}) order by t") if has_nulls else []
        self._tokens = tuple(str(t) for (t,) in tokens)

    def _rows(self, sql: str) -> list[tuple[object, ...]]:
        return self._connection.execute(sql).fetchall()

    def proposed(self) -> Proposed:
        """The narrowest type, without the texts that mean no value if that takes it."""
        self._keep("true")
        wanted = self._narrowest()
        nulls: tuple[str, ...] = ()
        if wanted.kind == "text" and self._tokens:
            self._keep(f"t not in ({', '.join(map(literal, self._tokens))})")
            narrower = self._narrowest()
            if narrower.kind != "text" and self._count("true"):
                wanted, nulls = narrower, self._tokens
        if wanted.kind == "text":
            self._keep("true")
            self._say_what_it_nearly_is()
        value = from_text("t", wanted)
        [(filled, least, most)] = self._rows(
            f"select coalesce(sum(n), 0), min({value})::varchar, max({value})::varchar from seen"
        )
        first, last = (str(text or "")[:100] for text in (least, most))
        return Proposed(self._name, wanted, nulls, int(str(filled)), first, last, self._unsure)

    def _keep(self, condition: str) -> None:
        self._connection.execute(f"create or replace temp table seen as select * from vals where {condition}")
        self._connection.execute(
            f"create or replace temp table sampled as select * from seen using sample {_SAMPLE} rows (reservoir, 1)"
        )

    def _count(self, condition: str, table: str = "seen") -> int:
        return int(str(self._rows(f"select count(*) from {table} where {condition}")[0][0]))

    def _holds(self, wanted: ColumnType) -> bool:
        wrong = f"({from_text('t', wanted)}) is null"
        return not self._count(wrong, "sampled") and not self._count(wrong)

    def _narrowest(self) -> ColumnType:
        self._unsure = []
        if not self._count("true"):
            self._unsure = [f"{self._name}: no file has a value in it, so it may be anything"]
            return column_type("varchar")
        if not self._count("not regexp_full_match(lower(t), 'true|false')"):
            return column_type("boolean")
        return self._date() or self._number() or column_type("varchar")

    def _number(self) -> ColumnType | None:
        if self._count(r"regexp_full_match(t, '\s*0[0-9]+\s*')"):
            if self._holds(column_type("hugeint")):
                self._unsure.append(f"{self._name}: digits with zeros before them, so it is a text")
            return None
        fitting = [wanted for spelling in self._spellings() if (wanted := self._as_number(spelling))]
        if not fitting:
            return None
        plain = next((wanted for wanted in fitting if not wanted.is_spelled), None)
        usual = next((wanted for wanted in fitting if wanted.spelling == self._usual.of_kind(wanted.kind)), None)
        best = usual if usual and (not plain or self._is_sure) else plain or fitting[0]
        if plain and plain != best and not self._differing(best, plain):
            best = plain
        doubtful = next((rows for wanted in fitting if wanted != best and (rows := self._differing(best, wanted))), [])
        if doubtful:
            text, value, less = doubtful[0]
            self._unsure.append(
                f"{self._name}: {len(doubtful):,} values may be two numbers; {text!r} is {value}, not {less}"
            )
        return best

    def _differing(self, one: ColumnType, other: ColumnType) -> list[tuple[object, ...]]:
        """Values that are two numbers: their texts and both."""
        values = [f"({from_text('t', wanted)})::varchar" for wanted in (one, other)]
        differs = f"try_cast({values[0]} as double) <> try_cast({values[1]} as double)"
        return self._rows(f"select t, {', '.join(values)} from seen where {differs} order by t")

    def _spellings(self) -> Iterable[Spelling]:
        units = self._units()
        negative = "sign"
        if self._count(r"regexp_full_match(t, '\s*\(.*\)\s*')", "sampled"):
            negative = "parentheses"
        elif self._count(r"regexp_full_match(t, '.*[0-9]\s*-\D*')", "sampled"):
            negative = "trailing"
        marks = {mark for mark in ".,' " if self._count(f"regexp_matches(t, {literal(_SPELLED[mark])})")}
        for decimal, thousands in _MARKS:
            if thousands == "." and self._has_numbers:
                continue
            is_plain = (decimal, thousands) == (".", "")
            if is_plain or (thousands or decimal) in marks:
                yield Spelling(decimal, thousands, units, negative)  # type: ignore[arg-type]

    def _units(self) -> tuple[str, ...]:
        rest = self._rows(r"select distinct trim(regexp_replace(t, '[-+0-9.,'' \x{00a0}()]+', '', 'g')) from sampled")
        units = {str(text) for (text,) in rest} - {""}
        return tuple(sorted(units)) if units <= set(_UNITS) else ()

    def _as_number(self, spelling: Spelling) -> ColumnType | None:
        for kind in ("bigint", "hugeint"):
            wanted = _spelled(column_type(kind), spelling)
            if self._holds(wanted):
                return wanted
        wide = _spelled(column_type(f"decimal({MAX_PRECISION},0)"), spelling)
        text = plainly("t", wide.spelling) if wide.is_spelled else "t"
        number = r"\s*[+-]?[0-9]*\.?[0-9]*\s*"
        if self._count(f"regexp_full_match({text}, '{number}') is not true", "sampled"):
            double = _spelled(column_type("double"), spelling)
            return double if self._holds(double) else None
        [(before, after)] = self._rows(
            f"select max(length(ltrim(regexp_extract({text}, '([0-9]*)', 1), '0'))), "
            rf"max(length(regexp_extract({text}, '\.([0-9]*)', 1))) from seen"
        )
        whole, scale = int(str(before or 0)), int(str(after or 0))
        precision = min(max(whole + scale + _ROOM, _LEAST_PRECISION), MAX_PRECISION)
        if whole + scale > MAX_PRECISION:
            return None
        wanted = _spelled(column_type(f"decimal({precision},{scale})"), spelling)
        return wanted if self._holds(wanted) else None

    def _date(self) -> ColumnType | None:
        if not self._count(f"(try_cast(t as double) is null and regexp_matches(t, '[0-9]')) or {_DIGITS}", "sampled"):
            return None
        for kind in ("date", "timestamp with time zone", "timestamp"):
            if self._holds(column_type(kind)):
                return column_type(kind)
        chosen = patterns_of(self._connection, self._name)
        if chosen is None:
            return None
        wanted = replace(column_type(chosen.kind), spelling=Spelling(dates=chosen.patterns, locale=chosen.locale))
        if not self._holds(wanted):
            return None
        self._unsure += chosen.unsure
        return wanted

    def _say_what_it_nearly_is(self) -> None:
        """Of texts that are nearly all numbers or dates: which ones are not."""
        total = self._count("true")
        for kind in ("bigint", "decimal(38,6)", "date", "timestamp"):
            wrong = f"({from_text('t', column_type(kind))}) is null"
            count = self._count(wrong)
            if 0 < count < total / 10 and not self._unsure:
                shown = ", ".join(
                    repr(t) for (t,) in self._rows(f"select t from seen where {wrong} order by n desc limit 3")
                )
                self._unsure.append(
                    f"{self._name}: {total - count:,} of {total:,} values are {kind.partition('(')[0]}, but {count:,} "
                    f"are not, such as {shown}; it is a text"
                )


def _spelled(wanted: ColumnType, spelling: Spelling) -> ColumnType:
    return replace(wanted, spelling=spelling.of_kind(wanted.kind))


def usual_marks(columns: Sequence[Proposed]) -> Spelling | None:
    """How most columns of numbers write their marks, of those that leave no doubt; None where none shows it."""
    sure = [c.type.spelling for c in columns if c.type.kind in ("decimal", "double") and not c.unsure]
    sure += [c.type.spelling for c in columns if c.type.kind == "integer" and c.type.is_spelled and not c.unsure]
    return max(sure, key=sure.count) if sure else None
