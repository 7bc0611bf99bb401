"""Types that hold others, as a contract writes them."""

from __future__ import annotations

import duckdb
import pytest

from assay.contract.errors import ContractError
from assay.contract.types import MAX_LEVELS, column_type

WRITTEN = {
    "varchar[]": ("varchar[]", "varchar[]"),
    " STRUCT ( Zip  int,tags text [] ) [ ]": (
        'struct("Zip" integer, "tags" varchar[])[]',
        "struct(Zip integer, tags varchar[])[]",
    ),
    'row("a ""b"",(" decimal(10, 2), end int)': (
        'struct("a ""b"",(" decimal(10,2), "end" integer)',
        'struct("a ""b"",(" decimal(10,2), end integer)',
    ),
    "map(varchar, map(date, timestamptz))": (
        "map(varchar, map(date, timestamp with time zone))",
        "map(varchar, map(date, timestamp with time zone))",
    ),
    "integer" + "[]" * MAX_LEVELS: ("integer" + "[]" * MAX_LEVELS, "integer" + "[]" * MAX_LEVELS),
}


@pytest.mark.parametrize(("written", "forms"), WRITTEN.items(), ids=[f"written{at}" for at in range(len(WRITTEN))])
def test_a_nested_type_is_read_and_written_back(written: str, forms: tuple[str, str]) -> None:
    kind = column_type(written)
    assert (kind.sql, kind.declared) == forms
    assert column_type(kind.declared) == kind
    assert str(duckdb.sqltype(kind.sql))  # DuckDB knows it


REFUSED = {
    "struct(a)": "'a' is not the name of a field and its type",
    "struct()": "'' is not the name of a field and its type",
    "struct(a int, A int)": "field A stands there twice; upper and lower case are one in SQL",
    'struct(" " int)': "a field has no name",
    'struct("a int)': "its quotes and parentheses are not paired",
    "struct(a int))(b int)": "its quotes and parentheses are not paired",
    "map(int)": "a map has the types of its keys and of its values",
    "map(int[], int)": "the keys of a map are plain values",
    "int[3]": "a list may have any number of elements; write `[]`",
    "list<int>": "is not understood; write as in `struct(zip integer, tags varchar[])`",
    "struct": "is not understood",
    "struct(a blob)": "unknown type",
    "decimal(39,2)[]": "precision is 1 to 38",
    "integer" + "[]" * (MAX_LEVELS + 1): "more than 12 types stand inside of each other",
}


@pytest.mark.parametrize(("written", "problem"), REFUSED.items(), ids=[f"refused{at}" for at in range(len(REFUSED))])
def test_what_is_no_nested_type_is_refused_with_what_is_wrong(written: str, problem: str) -> None:
    with pytest.raises(ContractError) as error:
        column_type(written)
    assert problem in str(error.value)
