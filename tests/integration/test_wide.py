"""Wide files and contracts: what is done grows with the number of columns and not with its square."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.checks.profiles import _summed, profile_new
from assay.contract.errors import ContractError
from assay.contract.names import literal
from assay.contract.parse import parse_columns, parse_rules
from assay.ledger.inspect_file import _header_problem
from assay.loading.shape import LOOKED_AT, TYPED
from assay.reading.json_lines import jsonl_copy_view, jsonl_view
from assay.text import FirstObject
from tests.source import Source

Make = Callable[..., Source]
WIDE = 450


def columns(count: int) -> dict[str, str]:
    return {"id": "bigint", **{f"c{at}": "varchar" if at % 2 else "bigint" for at in range(count - 1)}}


class Name(str):
    """A name that counts how often it is held against another."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def __str__(self) -> str:
        return self

    def lower(self) -> Name:
        return Name(str.lower(self))


@pytest.mark.parametrize("extra", [0, 5_000], ids=["a wide contract", "a wide file"])
def test_a_header_is_held_against_its_contract_name_by_name_once(make: Make, extra: int) -> None:
    contract = make(columns(5_000 if not extra else 2)).contract
    header = tuple(Name(name) for name in [*reversed(contract.names), *(f"more {at}" for at in range(extra))])
    Name.compared = 0
    assert _header_problem(header, contract) == ""
    assert Name.compared < 5 * len(header)
    problem = _header_problem(header, replace(contract, new_columns="refuse"))
    assert ("unexpected columns: more 0, more 1" in problem and "and 4,980 more" in problem) == bool(extra)


def test_columns_and_rules_of_a_contract_are_held_against_each_other_once(make: Make) -> None:
    names = [Name(f"c {at}") for at in range(2_000)]
    constraint = {"type": "check", "expression": "true"}
    node = make({"id": "bigint"}).node
    node["columns"] |= {
        name: {"name": name, "data_type": "date", "constraints": [{**constraint, "name": name}]} for name in names
    }
    Name.compared = 0
    assert len(parse_columns(node)) == len(names) + 1
    assert len(parse_rules(node, ["id"])) == len(names) + 1
    assert Name.compared < 10 * len(names)
    node["columns"]["C 7"] = {"name": Name("C 7"), "data_type": "date", "constraints": [{**constraint, "name": "c 9"}]}
    with pytest.raises(ContractError, match="columns: c 7 stands there twice"):
        parse_columns(node)
    with pytest.raises(ContractError, match="two rules are called c 9"):
        parse_rules(node, ["id"])


def written(form: str, names: Sequence[str], records: Sequence[Mapping[str, object]]) -> bytes:
    """A file of records; of Parquet as texts."""
    if form == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.table({name: [str(record[name]) for record in records] for name in names}), out)
        return out.getvalue()
    lines = [",".join(names), *(",".join(map(str, record.values())) for record in records)]
    if form == "jsonl":
        lines = [json.dumps(record) for record in records]
    return "".join(f"{line}\n" for line in lines).encode()


class Sent:
    """A connection that notes the statements of one column each that it and its cursors are sent."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, statements: list[str]) -> None:
        self._connection = connection
        self._statements = statements

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Sent:
        return Sent(self._connection.cursor(), self._statements)

    def execute(self, query: str, *values: Any) -> duckdb.DuckDBPyConnection:
        self._statements.append(query)
        return self._connection.execute(query, *values)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    "width",
    [2, WIDE, pytest.param(2 * WIDE, marks=pytest.mark.slow)],
    ids=["a narrow contract", "a wide one", "a wider one"],
)
def test_no_guard_is_planned_column_by_column(make: Make, form: str, width: int) -> None:
    kinds = ["date", "decimal(9,2)", "double", "varchar"]
    declared = {"id": "bigint", **{f"c{at}": kinds[at % 4] for at in range(width - 1)}}
    source = make(declared, format={"type": form})
    values = {"date": "2024-02-29", "decimal(9,2)": "1.50", "double": "0.5", "varchar": "t"}
    extra = {f"extra {at}": "1.50" for at in range(WIDE)} if form != "jsonl" or width == 2 else {}
    records = [{"id": str(n), **{name: values[declared[name]] for name in list(declared)[1:]}, **extra} for n in (1, 2)]
    records[1]["c0"] = "2024-02-30"
    source.put("f", written(form, list(records[0]), records))
    statements: list[str] = []
    source.look()
    source.connection = Sent(source.connection, statements)  # type: ignore[assignment]
    source.load()
    typed = [f"{literal(records[0][name])}::{kind}" for name, kind in declared.items()]
    assert source.rows() == source.sql(f"select {', '.join(typed)}")
    assert source.rescued() == [extra or None]
    assert [reasons for *_, reasons in source.malformed()] == [["c0: '2024-02-30' is no date"]]
    assert max(statement.count("regexp_full_match") for statement in statements) <= 4 * 2
    read = [statement for statement in statements if f"limit {LOOKED_AT}" not in statement]
    assert len(statements) - len(read) <= TYPED + 1  # of types for columns that the contract does not name
    assert sum(statement.count("regexp_full_match") for statement in read) <= 4 * 2 * 4
    assert not any("json_object" in statement for statement in statements) or form == "jsonl"


def test_what_is_sent_to_read_or_profile_a_file_grows_with_its_columns(make: Make) -> None:
    sizes = []
    for count in (500, 1_000):
        contract = make(columns(count), format={"type": "jsonl"}).contract
        first = FirstObject("{}", ())
        sent = [
            jsonl_view("f", contract, "none"),
            jsonl_copy_view("f", contract, first),
            _summed(contract, contract.names, "rows"),
        ]
        assert sent[2].count("from rows") == 1  # one pass, however many columns
        sizes.append([len(text) for text in sent])
    assert all(wide < 2.3 * narrow for narrow, wide in zip(*sizes, strict=True))


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_wide_file_is_read_value_by_value_also_where_records_are_broken(make: Make, form: str) -> None:
    source = make(columns(WIDE), format={"type": form})
    names = list(source.columns)
    rows = [{name: f"t{n}" if kind == "varchar" else n for name, kind in source.columns.items()} for n in range(3)]
    broken = {**rows[2], names[-2]: "x", names[5]: "y"}
    for name, records in (("good", rows[:2]), ("broken", [rows[2], broken])):
        source.put(name, written(form, names, records))
    source.run()
    assert source.files() == {"good": "loaded", "broken": "loaded"}
    assert source.rows() == [tuple(row.values()) for row in rows]
    wrong = [name for name in (names[5], names[-2]) if source.columns[name] == "bigint"]
    assert [reasons for _, _, reasons in source.malformed()] == [
        [f"{name}: {broken[name]!r} is no bigint" for name in wrong]
    ]
    assert len(profile_new(source.connection, source.contract, [], "r")) == 2
    assert source.sql("select count(*), sum(nulls) from ops.profiles") == [(2 * (WIDE + 1), 0)]
