"""Which values inside the records of some files are columns of their own, and what those are called.

The values of an object are where all records have few names in it and always an object; others stay JSON as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
from duckdb.sqltypes import DuckDBPyType

from assay.contract.names import literal, quoted
from assay.contract.pointer import pointer_of
from assay.describing.clean_names import free_name
from assay.reading.parquet.structs import fields_of

Way = tuple[str, ...]

_MOST = 50
"""Names of an object whose values are columns,"""
_SPREAD = 3
"""and how many times as many they may be as one object has on average: more are keys of a map."""
_DEPTH = 8


@dataclass(frozen=True)
class Value:
    """A value in records that is a column.

    Attributes:
        way: The names that lead to it.
        files: How many files have it.
        is_list: Whether it is a list in each record that has it.
    """

    way: Way
    files: int
    is_list: bool


class Names:
    """Names of columns, each once: those of the files, and clean ones for what stands inside others.

    Args:
        taken: Names of other columns.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}
        self._names: dict[Way, str] = {}
        self.places: dict[str, str] = {}
        """Pointers to values that are not called as their columns."""

    def of(self, ways: Sequence[Way]) -> dict[Way, str]:
        """What the columns of values are called, the same at each call; a name of a file goes to the value of it."""
        for way in sorted(ways, key=lambda way: not _is_usable(way)):
            if way not in self._names:
                self._names[way] = self._named(way)
        return {way: self._names[way] for way in ways}

    def _named(self, way: Way) -> str:
        is_own = _is_usable(way) and way[0].casefold() not in self._taken
        name = way[0] if is_own else free_name("_".join(way), self._taken)
        self._taken.add(name.casefold())
        if not is_own:
            self.places[name] = pointer_of(*way)
        return name


def _is_usable(way: Way) -> bool:
    """Whether a column may be called as the value is."""
    return len(way) == 1 and bool(way[0].strip()) and not way[0].startswith("_") and "\0" not in way[0]


def values_in_json(connection: duckdb.DuckDBPyConnection, table: str, file: str, base: Way) -> list[Value]:
    """The values of records in the order in which they first stand there.

    Args:
        connection: Where they are.
        table: A table with the records as `json`.
        file: Its column with the number of the file.
        base: Where in `json` a record is.
    """
    records = f"select json, {file} as file, rowid as n from {table}"
    return list(_within(connection, records, base, ()))


def _within(connection: duckdb.DuckDBPyConnection, records: str, base: Way, way: Way) -> Iterator[Value]:
    names = _names(connection, records, (*base, *way))
    for key, times, files, objects, lists, nulls in names:
        inner = (*way, key)
        may_open = objects and objects + nulls == times and len(inner) < _DEPTH
        if may_open and _is_fixed(connection, records, (*base, *inner)):
            yield from _within(connection, records, base, inner)
        else:
            yield Value(inner, files, bool(lists) and lists + nulls == times)


def _names(connection: duckdb.DuckDBPyConnection, records: str, way: Way) -> list[tuple[str, int, int, int, int, int]]:
    """Names of the objects at the end of a way: how many have each, in how many files, and what stands there."""
    pointer = pointer_of(*way)
    names = connection.execute(
        f"""
        with keys as (
            select file, n, unnest(json_keys(json, $way)) as key, generate_subscripts(json_keys(json, $way), 1) as place
            from ({records})
        )
        select key, count(*), count(distinct file) from keys group by key order by min(n), arg_min(place, n)
        """,
        {"way": pointer},
    ).fetchall()
    kinds = connection.execute(
        f"""
        with kinds as (
            select unnest(kinds) as kind, generate_subscripts(kinds, 1) as place
            from (select json_type(json, $ways::varchar[]) as kinds from ({records}))
        )
        select count(*) filter (kind = 'OBJECT'), count(*) filter (kind = 'ARRAY'), count(*) filter (kind = 'NULL')
        from kinds group by place order by place
        """,
        {"ways": [f"{pointer}{pointer_of(key)}" for key, _, _ in names]},
    ).fetchall()
    return [(*name, *kind) for name, kind in zip(names, kinds, strict=True)] if names else []


def _is_fixed(connection: duckdb.DuckDBPyConnection, records: str, way: Way) -> bool:
    """Whether the objects at the end of a way have few names, and not each its own."""
    [(names, average)] = connection.execute(
        f"""
        select count(distinct key), count(key) / greatest(count(distinct n), 1)
        from (select n, unnest(json_keys(json_extract(json, $way))) as key from ({records}))
        """,
        {"way": pointer_of(*way)},
    ).fetchall()
    return 0 < int(names) <= min(_MOST, _SPREAD * max(float(average), 1))


def values_in_struct(name: str, kind: DuckDBPyType) -> Iterator[tuple[Way, str, str]]:
    """The fields of a column of Parquet that hold values, each with its SQL and its DuckDB type."""
    return _fields((name,), quoted(name), kind)


def _fields(way: Way, value: str, kind: DuckDBPyType) -> Iterator[tuple[Way, str, str]]:
    if kind.id != "struct":
        yield way, value, str(kind)
        return
    for name, inner in fields_of(kind).items():
        yield from _fields((*way, name), f"{value}.{quoted(name)}", inner)


def json_texts(ways: Sequence[Way]) -> str:
    """SQL of the texts of values in `json`, as a list."""
    return f"json_extract_string(json, [{', '.join(literal(pointer_of(*way)) for way in ways)}])"
