"""`assay query --format csv` tells NULL from the empty text, and each text as it is."""

from __future__ import annotations

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
