"""JSON lines by the standard: every number to its last digit, nothing forgiven, nothing lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.source import Source

Make = Callable[..., Source]
JSONL = {"type": "jsonl"}
COLUMNS = {"id": "bigint", "name": "varchar", "amount": "decimal(20,2)"}


def load(make: Make, *lines: bytes | str, **contract: Any) -> Source:
    source = make(COLUMNS, format=JSONL, **contract)
    source.put("a.jsonl", b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    source.run()
    return source


def test_objects_become_rows_whatever_the_order_of_their_names(make: Make) -> None:
    source = load(make, '{"id": 1, "name": "tea", "amount": 2.5}', '{"amount":"2.50","name":null,"id":"2"}', "", "{}")
    assert source.rows() == [(1, "tea", Decimal("2.50")), (2, None, Decimal("2.50")), (None, None, None)]


MALFORMED = [
    ("[1, 2]", "not an object but an array"),
    ('"text"', "not an object but a string"),
    ("12", "not an object but a number"),
    ("null", "not an object but null"),
    ('{"id": 1,}', "not JSON"),
    ('{"id": NaN}', "NaN is no JSON number"),
    ('{"id": -Infinity}', "-Infinity is no JSON number"),
    ('{"id": 1} {"id": 2}', "text after the end"),
    ('{"id": 1, "id": 2}', 'the name "id" occurs more than once'),
    ('{"x": {"a": 1, "a": 2}}', 'the name "a" occurs more than once'),
    ('{"id": 1', "not JSON"),
    ("{'id': 1}", "not JSON"),
    ('{"id": 01}', "not JSON"),
    ('{"name": "tab\there"}', "not JSON"),
    ('{"name": "half \\ud800"}', "surrogate"),
    ('{"id": 1} // one', "text after the end"),
    (b'{"name": "t\xffa"}', "0xff"),
    ('{"id": 1.5}', "id: '1.5' is no bigint"),
    ('{"id": 1e2}', "id: '1e2' is no bigint"),
    ('{"id": true}', "id: 'true' is no bigint"),
    ('{"id": {"a": 1.10}}', "id: '{\"a\":1.10}' is no bigint"),
    ('{"id": 9223372036854775808}', "id: '9223372036854775808' is no bigint"),
    ('{"amount": 1.005}', "amount: '1.005' is no decimal(20,2)"),
    ('{"amount": 1e-400}', "amount: '1e-400' is no decimal(20,2)"),
    ('{"amount": "1,5"}', "amount: '1,5' is no decimal(20,2)"),
]


def test_what_is_no_object_of_the_contract_is_kept_with_its_line_and_reason(make: Make) -> None:
    """DuckDB reads NaN, trailing commas and repeated names, and one array turns all rows of a file to NULL."""
    lines: list[bytes | str] = []
    for number, (text, _) in enumerate(MALFORMED):
        lines += [f'{{"id": {number}}}', text]
    source = load(make, *lines)
    malformed = source.malformed()
    raws = [text if isinstance(text, str) else text.replace(b"\xff", b"\\xff").decode() for text, _ in MALFORMED]
    assert [(line, raw) for line, raw, _ in malformed] == [(2 * n + 2, raw) for n, raw in enumerate(raws)]
    for (_, _, reasons), (_, message) in zip(malformed, MALFORMED, strict=True):
        assert len(reasons) == 1
        assert message in reasons[0]
    assert source.rows("id") == [(n,) for n in range(len(MALFORMED))]


@pytest.mark.parametrize("at", [pytest.param(0, marks=pytest.mark.slow), 1], ids=["first", "between"])
@pytest.mark.parametrize(("line", "message"), [*MALFORMED, ('{"id":3}\x01', "text after the end")])
def test_none_of_them_alone_passes_for_a_row(make: Make, line: str | bytes, message: str, at: int) -> None:
    """DuckDB reads `null` as a row of nothing, and 0x01 at the end of a line as nothing."""
    lines: list[str | bytes] = ['{"id":1,"name":"tea","amount":2.50}', '{"id":2,"name":"tea","amount":2.50}']
    lines.insert(at, line)
    source = load(make, *lines)
    assert source.rows("id") == [(1,), (2,)]
    [(number, _, [reason])] = source.malformed()
    assert number == at + 1
    assert message in reason


def test_a_model_that_reads_no_column_of_a_file_changes_nothing_about_what_is_malformed(make: Make) -> None:
    model = (
        "select 1::bigint as id, 'tea' as name, 1::decimal(20,2) as amount, _rescued, null::varchar[] as _violations"
    )
    for odd in ("null", "garbage", '{"id":1,"id":2}'):
        source = make(COLUMNS, format=JSONL)
        source.model = f"{model} from {{landing}}"
        source.put("a.jsonl", f'{{"id":1}}\n{odd}\n')
        source.run()
        assert [line for line, _, _ in source.malformed()] == [2]


@pytest.mark.parametrize("more", ["", "{}\n[]\n"], ids=["fast", "careful"])
def test_numbers_keep_every_digit_they_were_written_with(make: Make, more: str) -> None:
    """DuckDB's JSON holds numbers as doubles: 123456789012345678.12 ends in 68.0 there, 9007199254740993.0 in 992."""
    written = [
        ("9007199254740993.0", "123456789012345678.12", "1.10"),
        ("9223372036854775807", "99999999999999.99", "0.1234567890123456789"),
        ("-9223372036854775808", "-0.10", "1E400"),
        ("3.0", "1000000000000000.1", "-0"),
        ("4", "0.01", "0.0000010"),
        ("5", "100", "12345678901234567890123"),
    ]
    lines = "".join(f'{{"id": {i}, "name": {n}, "amount": {a}}}\n' for i, a, n in written)
    source = make(COLUMNS, format=JSONL)
    source.put("a.jsonl", lines + more)
    source.run()
    expected = [(int(Decimal(i)), n, Decimal(a)) for i, a, n in written]
    assert source.sql(f"select id, name, amount from {source.table} where id is not null order by id") == sorted(
        expected
    )


def test_numbers_inside_strings_stay_as_they_are(make: Make) -> None:
    odd = 'a: 1.50, "b": [2.10, 3e5], \\ 12345678901234567.0'
    source = load(make, json.dumps({"id": 1, "name": odd, "amount": 2.5}), '{"id":2,"amount":2.50,"name":"x: 1.10,"}')
    assert source.rows("id", "name") == [(1, odd), (2, "x: 1.10,")]


@pytest.mark.parametrize("more", ["", "[]"], ids=["fast", "careful"])
def test_escapes_are_characters(make: Make, more: str) -> None:
    name = 'é ☕ \U0001f375 "q" \\ / \n \t \u2028 \x7f'
    source = load(make, json.dumps({"id": 1, "name": name}), '{"\\u0069d": 2, "name": "\\u00e9\\/"}', more)
    assert source.rows("id", "name") == [(1, name), (2, "é/")]


def test_nested_values_stand_in_a_text_column_as_json(make: Make) -> None:
    source = load(make, '{"id": 1, "name": {"a": [1.10, null, "x"]}}', '{"id": 2, "name": []}')
    assert source.rows("id", "name") == [(1, '{"a":[1.10,null,"x"]}'), (2, "[]")]


def test_unexpected_names_are_rescued_with_their_values_as_written(make: Make) -> None:
    source = load(
        make, '{"id": 1, "Id": null, "x": {"y": [1.10, 12345678901234567890.5]}, "é\\"": "a 1.10"}', '{"id": 2}'
    )
    assert source.sql(f"select _rescued::varchar from {source.table} order by id") == [
        ('{"Id":null,"x":{"y":[1.10,12345678901234567890.5]},"é\\"":"a 1.10"}',),
        (None,),
    ]


def test_unexpected_names_refuse_the_file_where_the_contract_says_so(make: Make) -> None:
    source = load(make, '{"id": 1}', '{"id": 2, "colour": "red", "zone": 1}', new_columns="refuse")
    assert source.files() == {"a.jsonl": "refused"}
    assert source.reason("a.jsonl").endswith("unexpected columns: colour, zone")
    assert source.rows() == []


def test_a_name_is_not_taken_for_one_without_its_blank(make: Make) -> None:
    source = make({"id": "bigint", ":a": "varchar"}, format=JSONL, new_columns="refuse")
    source.put("a.jsonl", '{"id": 1, ":a": "x"}\n{"id": 2, ": a": null}\n')
    source.run()
    assert source.reason("a.jsonl").endswith("unexpected columns: : a")


def test_names_differ_by_case(make: Make) -> None:
    source = load(make, '{"ID": 1, "id": 2}')
    assert source.rows("id") == [(2,)]
    assert source.rescued() == [{"ID": 1}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_gzip_line_ends_and_encodings_are_those_of_text(make: Make, encoding: str) -> None:
    source = make(COLUMNS, format={"type": "jsonl", "encoding": encoding})
    source.put("a.jsonl.gz", gzip.compress('{"id": 1, "name": "é"}\r\n\r\n  \r\n{"id": 2}'.encode(encoding)))
    source.run()
    assert source.rows("id", "name") == [(1, "é"), (2, None)]


def test_a_long_line_is_a_row_and_one_that_is_too_long_is_malformed(make: Make) -> None:
    """16 MiB is DuckDB's own limit for one object; the records around it are loaded."""
    long, longer = "x" * 3_000_000, "y" * (17 * 1024 * 1024)
    source = load(make, '{"id": 1}', f'{{"id": 2, "name": "{long}"}}', f'{{"id": 3, "name": "{longer}"}}', '{"id": 4}')
    assert source.sql(f"select id, length(name) from {source.table} order by id") == [
        (1, None),
        (2, 3_000_000),
        (4, None),
    ]
    [(line, _, [reason])] = source.malformed()
    assert (line, reason.split(" bytes")[0]) == (3, "longer than 16,777,216")


def test_columns_may_be_called_like_our_own(make: Make) -> None:
    source = make({"j": "bigint", "s": "varchar", "k": "varchar", "r\\": "varchar"}, format=JSONL)
    source.put("a.jsonl", json.dumps({"j": 1, "s": "t", "k": "u", "r\\": "v"}) + '\n{"j": "no"}\n')
    source.run()
    assert source.rows() == [(1, "t", "u", "v")]
    assert [line for line, _, _ in source.malformed()] == [2]
