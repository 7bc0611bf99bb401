"""XML documents from landing to bronze: fields, types, reasons, and what is refused."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.text import as_text
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {
    "@id": "bigint",
    "name": "varchar",
    "price": "decimal(9,2)",
    "price@cur": "varchar",
    "on": "date",
    "tag": "varchar",
}
OPTIONAL = [name for name in COLUMNS if name != "@id"]
DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE catalog SYSTEM "catalog.dtd">
<!-- of today -->
<catalog xmlns="urn:shop">
  <made>2024-02-01</made>
  <item id="1">
    <name>te&amp;a "x" \u20ac</name><price cur="EUR">2.5</price><on>2024-02-01</on>
    <tag>a</tag><tag>b</tag>
  </item>
  <item id="2"><name/><price>-0.25</price><more><a>1</a></more></item>
</catalog>
"""


def load(make: Make, text: str | bytes, columns: dict[str, str] = COLUMNS, **more: Any) -> Source:
    form = {"type": "xml", "records": "/catalog/item", **more.pop("form", {})}
    source = make(columns, format=form, optional=[name for name in OPTIONAL if name in columns], **more)
    source.put("a.xml", text)
    source.run()
    return source


ROWS = [
    (1, 'te&a "x" \u20ac', Decimal("2.50"), "EUR", date(2024, 2, 1), '["a","b"]'),
    (2, None, Decimal("-0.25"), None, None, None),
]


@pytest.mark.parametrize("wrap", [bytes, lzma.compress], ids=["plain", "xz"])
def test_elements_are_rows_in_the_types_of_the_contract(make: Make, wrap: Callable[[bytes], bytes]) -> None:
    source = load(make, wrap(DOCUMENT.encode()))
    assert source.rows() == ROWS
    assert source.malformed() == []
    assert [rest for rest in source.rescued() if rest] == [{"more": {"a": "1"}}]
    assert source.sql("select records_read, plain_records from ops.files") == [(2, 2)]
    source.assert_conserved()


def test_what_a_type_cannot_hold_is_malformed_with_its_place_among_the_records(make: Make) -> None:
    items = "".join(
        f"<item id='{n}'>{inner}</item>"
        for n, inner in [
            ("1", "<price>1.005</price>"),
            ("x", "<price>1</price>"),
            ("3", "<price>1</price><price>2</price>"),
            ("4", "<name>a</name><o:name xmlns:o='urn:o'>b</o:name>"),
            ("5", "<price> 1 </price>"),
        ]
    )
    source = load(make, f"<catalog>{items}</catalog>")
    assert [row[0] for row in source.rows()] == [5]
    assert [(line, reasons) for line, _, reasons in source.malformed()] == [
        (1, ["price: '1.005' is no decimal(9,2)"]),
        (2, ["@id: 'x' is no bigint"]),
        (3, ['price: \'["1","2"]\' is no decimal(9,2)']),
        (4, ['the name "name" occurs more than once in one object']),
    ]
    source.assert_conserved()


def test_texts_that_mean_nothing(make: Make) -> None:
    text = "<catalog><item id='1'><name>NA</name></item><item id='2'><name/></item></catalog>"
    assert load(make, text, {"@id": "bigint", "name": "varchar"}).rows() == [(1, "NA"), (2, None)]
    form = {"nulls": ["NA"]}
    assert load(make, text, {"@id": "bigint", "name": "varchar"}, name="b", form=form).rows() == [(1, None), (2, "")]


def test_a_new_name_refuses_the_file_where_the_contract_says_so(make: Make) -> None:
    source = load(make, DOCUMENT, new_columns="refuse")
    assert "unexpected columns: more" in source.reason("a.xml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no element found"),
        (DOCUMENT[:-5], "is no well-formed XML"),
        (DOCUMENT.replace("item", "thing"), "has no element at /catalog/item, where the records have to be"),
        (
            '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><catalog><item>&x;</item></catalog>',
            "defines entities",
        ),
    ],
    ids=["empty", "cut off", "other records", "external entity"],
)
def test_what_is_no_such_document_is_refused(make: Make, text: str, reason: str) -> None:
    source = load(make, text)
    assert source.files() == {"a.xml": "refused"}
    assert reason in source.reason("a.xml")


def test_a_document_of_which_two_readers_count_other_records_is_not_loaded(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_text, "count_elements", lambda received, _: len(list(received)) + 4)
    assert load(make, DOCUMENT).reason("a.xml").startswith("5 records were counted in it, but 2 were read")


@pytest.mark.parametrize("records", ["catalog/item", "/x:catalog/item", "", "/catalog/@id"])
def test_the_path_in_a_contract_is_one(make: Make, records: str) -> None:
    with pytest.raises(ContractError, match=r"format: records '.*' is not a path of elements such as '/catalog/item'"):
        _ = make(COLUMNS, format={"type": "xml", "records": records}).contract


def test_a_document_whose_place_of_records_is_empty_is_loaded(make: Make) -> None:
    assert load(make, "<catalog/>").files() == {"a.xml": "loaded"}


def test_the_path_has_to_be_said(make: Make) -> None:
    with pytest.raises(ContractError, match="records"):
        _ = make(COLUMNS, format={"type": "xml"}).contract
