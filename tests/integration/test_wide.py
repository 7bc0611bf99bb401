"""Wide files and contracts: what is done grows with the number of columns and not with its square."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from resources.examine import _header_problem
from resources.json_lines import jsonl_copy_view, jsonl_view
from resources.profiles import _summed, profile_new
from resources.text import FirstObject
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


@pytest.mark.parametrize("extra", [0, 5_000], ids=["a wide contract", "a wide file"])
def test_a_header_is_held_against_its_contract_name_by_name_once(make: Make, extra: int) -> None:
    contract = make(columns(5_000 if not extra else 2)).contract
    header = tuple(Name(name) for name in [*reversed(contract.names), *(f"more {at}" for at in range(extra))])
    Name.compared = 0
    assert _header_problem(header, contract) == ""
    assert Name.compared < 5 * len(header)
    said = _header_problem(header, replace(contract, new_columns="refuse"))
    assert ("unexpected columns: more 0, more 1" in said and "and 4,980 more" in said) == bool(extra)


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


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_wide_file_is_read_value_by_value_also_where_records_are_broken(make: Make, form: str) -> None:
    source = make(columns(WIDE), format={"type": form})
    names = list(source.columns)
    rows = [{name: f"t{n}" if kind == "varchar" else n for name, kind in source.columns.items()} for n in range(3)]
    broken = {**rows[2], names[-2]: "x", names[5]: "y"}
    for name, records in (("good", rows[:2]), ("broken", [rows[2], broken])):
        if form == "csv":
            lines = [",".join(names), *(",".join(map(str, record.values())) for record in records)]
        else:
            lines = [json.dumps(record) for record in records]
        source.put(name, "\n".join(lines) + "\n")
    source.run()
    assert source.files() == {"good": "loaded", "broken": "loaded"}
    assert source.rows() == [tuple(row.values()) for row in rows]
    wrong = [name for name in (names[5], names[-2]) if source.columns[name] == "bigint"]
    assert [reasons for _, _, reasons in source.malformed()] == [
        [f"{name}: {broken[name]!r} is no bigint" for name in wrong]
    ]
    assert len(profile_new(source.connection, source.contract, [], "r")) == 2
    assert source.sql("select count(*), sum(nulls) from ops.profiles") == [(2 * (WIDE + 1), 0)]
