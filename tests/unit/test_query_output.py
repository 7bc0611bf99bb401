"""`assay query --format csv` tells NULL from the empty text, and each text as it is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from assay.cli.querying import write_rows

ROWS = [(None, ""), ("a,b", '"'), ("a\rb", " a"), ("a\nb", "\t"), (Decimal("1.50"), True), ("é", "a'b;c")]


def test_csv_has_quotes_where_a_reader_needs_them(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_rows(["n", "x y"], ROWS, "csv")
    assert capsysbinary.readouterr().out == (
        b'n,x y\n,""\n"a,b",""""\n"a\rb"," a"\n"a\nb","\t"\n1.50,True\n\xc3\xa9,a\'b;c\n'
    )


def test_json_has_every_text_as_it_is(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_rows(["n"], [("a\x00\r\n\u2028é",), (None,)], "json")
    assert capsysbinary.readouterr().out == (
        '[\n  {\n    "n": "a\\u0000\\r\\n\u2028é"\n  },\n  {\n    "n": null\n  }\n]\n'.encode()
    )


@pytest.mark.parametrize(
    ("output", "written"),
    [
        ("csv", 'n\n"{""a b"": [""1.50"", null], ""é"": {""2024-02-29"": 1}}"\n[]\n'),
        ("table", '{"a b": ["1.50", null], "é": {"2024-02-29": 1}}'),
    ],
)
def test_values_that_hold_others_are_json(
    capsysbinary: pytest.CaptureFixture[bytes], output: str, written: str
) -> None:
    value = {"a b": [Decimal("1.50"), None], "é": {date(2024, 2, 29): 1}}
    write_rows(["n"], [(value,), ([],)], output)
    assert written.encode() in capsysbinary.readouterr().out
