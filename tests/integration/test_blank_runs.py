"""Fields that any number of spaces and tabs parts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.text.csv_records import csv_records
from assay.text.dialects import dialect, fields
from assay.text.lines import Lines
from assay.text.record import Run
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "decimal(9,2)"}
HEADER = "  id name \t price\n"
ROWS = '1 tea  2.50\n\t 2\t"a  \t""b"" " -1000\t\n3 NA ""\n   \n'
READ = [(1, "tea", Decimal("2.50")), (2, 'a  \t"b" ', Decimal("-1000.00"))]


def load(make: Make, text: str, encoding: str = "utf-8", **form: Any) -> Source:
    source = make(COLUMNS, format={"type": "csv", "delimiter": "blanks", "encoding": encoding, **form})
    source.put("a.txt", text.encode(encoding))
    source.run()
    return source


@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-16", "\r\n")], ids=["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("text", "form"),
    [
        (HEADER + ROWS, {}),
        ("of May\n" + HEADER + "# c\n" + ROWS + "Total 2\n", {"preamble": 1, "comment": "#", "footer": "^Total"}),
        (ROWS.strip(), {"header": False}),
    ],
)
def test_fields_are_what_stands_between_blanks(
    make: Make, text: str, form: dict[str, Any], end: str, encoding: str
) -> None:
    source = load(make, text.replace("\n", end), encoding, nulls=["NA", ""], quoted_nulls=True, **form)
    assert source.files() == {"a.txt": "loaded"}
    assert source.rows() == [*READ, (3, None, None)]
    assert source.malformed() == []


def test_an_empty_text_stands_in_quotes_and_is_no_null(make: Make) -> None:
    source = load(make, HEADER + '1 "" 1\n2 "line\n  end" 2\n')
    assert source.rows("name") == [("",), ("line\n  end",)]


def test_only_spaces_and_tabs_are_blanks(make: Make) -> None:
    source = load(make, HEADER + "1 a\vb\fc 1\n2 a\u00a0b\u2003c 2\n")
    assert source.rows("name") == [("a\vb\fc",), ("a\u00a0b\u2003c",)]


def test_without_quotes_a_quote_is_a_character(make: Make) -> None:
    source = load(make, HEADER + '1 5\'10" 1\n2 "x 2\n', quote="")
    assert source.rows("name") == [('"x',), ("5'10\"",)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("4  two words 1", "4 fields, expected 3"),
        ("  4\ttea ", "2 fields, expected 3"),
        ('4 "a"b 1', "text after a closing quote"),
        ('4 "a 1', "unclosed quote: no other closes it before the end of the file"),
        ('4 5"3 1', 'a " inside an unquoted field'),
        ("4 a\rb 1", "a carriage return outside of quotes"),
        ("4 tea 1,5", "price: '1,5' is no decimal(9,2)"),
    ],
)
def test_a_record_that_is_none_is_kept_as_it_is(make: Make, line: str, reason: str) -> None:
    source = load(make, HEADER + "1 tea 2.50\n" + line + "\n5 milk 7\n")
    assert source.rows("id") == [(1,), (5,)]
    [(at, raw, [why])] = source.malformed()
    assert (at, raw) == (3, line)
    assert why.startswith(reason)


def test_what_cannot_be_said_is_told(make: Make) -> None:
    for form, message in [
        ({"delimiter": "blanks", "nulls": ["no value"]}, "holds a delimiter, quote or line end"),
        ({"delimiter": "blanks", "quote": " "}, "delimiter holds neither quote nor escape"),
        ({"delimiter": "spaces"}, "1 to 4 bytes or is blanks"),
    ]:
        with pytest.raises(ContractError, match=message):
            _ = make(COLUMNS, format={"type": "csv", **form}).contract
    with pytest.raises(ContractError, match="part the fields of two columns or more"):
        _ = make({"id": "bigint"}, format={"type": "csv", "delimiter": "blanks"}).contract


def test_a_record_of_many_blanks_and_quotes_takes_linear_time() -> None:
    form = Format(type="csv", delimiter="blanks")
    text = ("a " + " " * 900_000 + "b\n" + '"' + '" "' * 200_000 + '"\n' + '"\n' * 100_000).encode()
    lines = Lines([text], b"\n", 2_000_000, "utf-8", b'"')
    parts = list(csv_records(lines, dialect(form), 2, "utf-8"))
    good = [raw for part in parts if isinstance(part, Run) or not part.problem for raw in _raws(part)]
    assert next(fields(raw, form) for raw in good) == ["a", "b"]


def _raws(part: Any) -> list[bytes]:
    return list(part.raws) if isinstance(part, Run) else [part.raw]
