"""What changes about the columns of files is written down once, with the file that has it first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from assay.loading.file_load import FileLoad
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "till": "bigint"}


def changes(source: Source) -> list[tuple[Any, ...]]:
    return source.sql(
        "select replace(path, 'sales/', ''), column_name, what, coalesce(name_in_file, proposed_type) "
        "from ops.schema_changes order by change_id"
    )


def load(source: Source, *headers: str, at_once: bool = False) -> None:
    """Load a file of one record for each header, in a run each."""
    for n, header in enumerate(headers):
        number = len(source.files()) if not at_once else n
        source.put(f"{number:02}.csv", f"{header}\n{','.join(str(number) for _ in header.split(','))}\n")
        if not at_once:
            source.run()
    source.run()


HEADERS = ("id", "id,clerk", "id,till", "clerk,id,till", "clerk,id,till", "id", "id,kasse", "id,clerk,kasse", "id,till")
CHANGES = [
    ("01.csv", "clerk", "came", "bigint"),
    ("02.csv", "clerk", "went", None),
    ("03.csv", "clerk", "came", "bigint"),
    ("05.csv", "clerk", "went", None),
    ("05.csv", "till", "went", None),
    ("06.csv", "till", "renamed", "kasse"),
    ("06.csv", "till", "came", None),
    ("07.csv", "clerk", "came", "bigint"),
    ("08.csv", "clerk", "went", None),
]


@pytest.mark.parametrize("at_once", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_change_is_told_once_and_again_when_it_is_taken_back(make: Make, at_once: bool) -> None:
    source = make(COLUMNS, optional=["till"], aliases={"till": ["kasse"]}, version="1.2.0")
    load(source, *HEADERS, at_once=at_once)
    assert changes(source) == CHANGES
    [(version, file)] = source.sql(
        "select distinct contract_version, file_id = (select min(file_id) from ops.files where path = 'sales/01.csv') "
        "from ops.schema_changes where path = 'sales/01.csv'"
    )
    assert (version, file) == ("1.2.0", True)
    source.load(is_full_refresh=True)
    assert changes(source) == CHANGES


@pytest.mark.slow
def test_a_column_that_never_came_has_not_gone_and_one_that_is_named_now_has_not_either(make: Make) -> None:
    source = make({"id": "bigint"})
    load(source, "id", "id,till")
    source.columns, source.options["optional"] = COLUMNS, ["till"]
    load(source, "id,till", "id")
    assert changes(source) == [("01.csv", "till", "came", "bigint"), ("03.csv", "till", "went", None)]


@pytest.mark.slow
def test_of_json_the_names_and_aliases_of_records_are_told_and_nothing_that_few_lack(make: Make) -> None:
    source = make(COLUMNS, optional=["till"], aliases={"till": ["kasse"]}, format={"type": "jsonl"})
    for n, rows in enumerate(([{"id": 1}], [{"id": 2, "kasse": 3}, {"id": 3, "more": True}], [{"id": 4}, {"more": 1}])):
        source.put(f"{n}.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
        source.run()
    assert changes(source) == [("1.jsonl", "more", "came", "boolean"), ("1.jsonl", "till", "renamed", "kasse")]


@pytest.mark.parametrize("files", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_records_that_all_have_an_alias_are_read_at_once_and_told(make: Make, files: int) -> None:
    aliases = {"till": ["kasse"], "id": ["Id"]}
    source = make(COLUMNS, optional=["till"], aliases=aliases, format={"type": "jsonl"})
    for n in range(files):
        source.put(f"{n}.jsonl", "".join(f'{{"kasse":{row},"Id":{10 * n + row}}}\n' for row in range(9)))
    with patch.object(FileLoad, "careful", side_effect=AssertionError("the careful way")):
        source.run()
    assert source.rows() == [(10 * n + row, row) for n in range(files) for row in range(9)]
    assert {change[1:] for change in changes(source)} == {("till", "renamed", "kasse"), ("id", "renamed", "Id")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", ""], "bigint"),
        (["1", "2.50"], "decimal(18,2)"),
        (["1e3", "2"], "double"),
        (["007", "1"], "varchar"),
        (["true", "False"], "boolean"),
        (["2024-01-31", ""], "date"),
        (["2024-01-31 10:00:00"], "timestamp"),
        (["2024-01-31T10:00:00+02:00"], "timestamp with time zone"),
        (["a", "1"], "varchar"),
        (["", ""], "varchar"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_type_is_proposed_that_holds_all_values(make: Make, values: list[str], kind: str) -> None:
    source = make({"id": "bigint"})
    source.put("a.csv", 'id,"it\'s"\n' + "".join(f"{n},{value}\n" for n, value in enumerate(values)))
    source.run()
    assert changes(source) == [("a.csv", "it's", "came", kind)]


def test_a_file_that_is_not_loaded_changes_nothing(make: Make) -> None:
    source = make(COLUMNS)
    load(source, "id,till", "id,clerk")
    source.put("x.csv", "id,till,more\n" + 'a"b,1,2\n' * 30)
    source.run()
    assert changes(source) == []


@pytest.mark.slow
def test_any_name_of_a_member_is_told_and_of_values_that_are_names_not_all(make: Make) -> None:
    names = ["", " ", "a'b", 'a"b', "a\\b", "x\ty", "n\nl", "\0", "~/", "$.a", "Ä", "ä", "{}", "_file_id", "select"]
    source = make({"id": "bigint"}, format={"type": "jsonl"}, new_columns="add")
    source.put("a.jsonl", json.dumps({"id": 1, **dict.fromkeys(names, "v")}) + "\n")
    source.run()
    assert {name for _, name, *_ in changes(source)} == set(names)
    for n in range(2, 14):
        source.put(f"{n}.jsonl", "".join(json.dumps({"id": n, f"{n} {key}": 1}) + "\n" for key in range(150)))
        source.run()
    assert set(source.files().values()) == {"loaded"}
    assert len(changes(source)) == 1_000
