"""Values that files write otherwise than DuckDB does: marks of numbers, units, negatives, dates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pytest

from assay.contract.errors import ContractError
from assay.contract.month_names import month_names
from assay.contract.parse import parse_contract
from assay.contract.spelling import Spelling
from assay.contract.types import column_type
from assay.reading.exact_casts import from_text
from tests.source import bronze_node

GERMAN = Spelling(decimal=",", thousands=".")
SWISS = Spelling(thousands="'")
FRENCH = Spelling(decimal=",", thousands=" ")
MONEY = Spelling(thousands=",", units=("€", "USD", "%"), negative="parentheses")
TRAILING = Spelling(decimal=",", thousands=".", units=("€",), negative="trailing")


def read(text: str | None, kind: str, spelling: Spelling) -> str | None:
    wanted = replace(column_type(kind), spelling=spelling)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        sql = f"select ({from_text('t', wanted)})::varchar from (select ?::varchar as t)"
        value: str | None = connection.execute(sql, [text]).fetchall()[0][0]
        return value


@pytest.mark.parametrize(
    ("text", "kind", "spelling", "value"),
    [
        ("12.345,50", "decimal(12,2)", GERMAN, "12345.50"),
        ("12345,5", "decimal(12,2)", GERMAN, "12345.50"),
        ("-1.234.567,89", "decimal(12,2)", GERMAN, "-1234567.89"),
        ("+,5", "decimal(12,2)", GERMAN, "0.50"),
        ("12.34,50", "decimal(12,2)", GERMAN, None),
        ("1.2345", "decimal(12,2)", GERMAN, None),
        ("1234.567", "decimal(12,2)", GERMAN, None),
        ("12.5", "decimal(12,2)", GERMAN, None),
        ("1,234", "decimal(12,2)", GERMAN, None),
        ("1.234", "bigint", GERMAN, "1234"),
        ("1.234,0", "bigint", GERMAN, "1234"),
        ("1.234,5", "bigint", GERMAN, None),
        ("1'234'567", "bigint", SWISS, "1234567"),
        ("1\u2019234.5", "double", SWISS, "1234.5"),
        ("1 234,5", "double", FRENCH, "1234.5"),
        ("1\u202f234,5", "double", FRENCH, "1234.5"),
        ("1,5e3", "double", FRENCH, "1500.0"),
        ("1\u00a0234\u00a0567", "bigint", FRENCH, "1234567"),
        ("$1", "bigint", MONEY, None),
        ("€ 1,234.50", "decimal(12,2)", MONEY, "1234.50"),
        ("1,234.50 €", "decimal(12,2)", MONEY, "1234.50"),
        ("-€5", "decimal(12,2)", MONEY, "-5.00"),
        ("USD -5", "decimal(12,2)", MONEY, "-5.00"),
        ("-USD -5", "decimal(12,2)", MONEY, None),
        ("12.5%", "decimal(12,2)", MONEY, "12.50"),
        ("(1,234.50)", "decimal(12,2)", MONEY, "-1234.50"),
        ("(€ 5)", "decimal(12,2)", MONEY, "-5.00"),
        ("(-5)", "decimal(12,2)", MONEY, None),
        ("(5", "decimal(12,2)", MONEY, None),
        ("1.234,50-", "decimal(12,2)", TRAILING, "-1234.50"),
        ("1.234,50- €", "decimal(12,2)", TRAILING, "-1234.50"),
        ("-5-", "decimal(12,2)", TRAILING, None),
        ("", "decimal(12,2)", MONEY, None),
        ("€", "decimal(12,2)", MONEY, None),
        ("nan", "double", FRENCH, None),
        ("0x10", "bigint", SWISS, None),
        (None, "bigint", SWISS, None),
        ("٣", "bigint", SWISS, None),
    ],
)
def test_a_number_is_read_as_its_contract_says_or_not_at_all(
    text: str | None, kind: str, spelling: Spelling, value: str | None
) -> None:
    assert read(text, kind, spelling) == value


@pytest.mark.parametrize(
    ("text", "kind", "dates", "value"),
    [
        ("01.02.2024", "date", ("%d.%m.%Y",), "2024-02-01"),
        ("1.2.2024", "date", ("%d.%m.%Y",), None),
        ("1.2.2024", "date", ("%-d.%-m.%Y",), "2024-02-01"),
        ("30.02.2024", "date", ("%d.%m.%Y",), None),
        ("01.02.2024 ", "date", ("%d.%m.%Y",), None),
        ("2024-02-01", "date", ("%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y"), "2024-02-01"),
        ("02/01/2024", "date", ("%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y"), "2024-02-01"),
        ("02/01/2024", "date", ("%d/%m/%Y", "%m/%d/%Y"), None),
        ("13/01/2024", "date", ("%d/%m/%Y", "%m/%d/%Y"), "2024-01-13"),
        ("02/02/2024", "date", ("%d/%m/%Y", "%m/%d/%Y"), "2024-02-02"),
        ("01.02.2024 10:30", "date", ("%d.%m.%Y %H:%M",), None),
        ("01.02.2024 00:00", "date", ("%d.%m.%Y %H:%M",), "2024-02-01"),
        ("01.02.2024 10:30", "timestamp", ("%d.%m.%Y %H:%M",), "2024-02-01 10:30:00"),
        ("5-JAN-69 3:04:05.5 pm", "timestamp", ("%-d-%b-%y %-I:%M:%S.%f %p",), "1969-01-05 15:04:05.5"),
        ("20240201T103000Z", "timestamp with time zone", ("%Y%m%dT%H%M%S%z",), "2024-02-01 10:30:00+00"),
        ("20240201T103000+0230", "timestamp with time zone", ("%Y%m%dT%H%M%S%z",), "2024-02-01 08:00:00+00"),
        ("2024-01-01T10:00:00+99:30", "timestamp with time zone", ("%Y-%m-%dT%H:%M:%S%z",), None),
        ("infinity", "date", ("%Y%m%d",), None),
        ("", "date", ("%Y%m%d",), None),
        ("0000-01-01", "date", ("%Y-%m-%d",), None),
    ],
)
def test_a_date_is_read_by_the_one_pattern_that_it_fits(
    text: str, kind: str, dates: tuple[str, ...], value: str | None
) -> None:
    assert read(text, kind, Spelling(dates=dates)) == value


@pytest.mark.parametrize(
    ("text", "pattern", "locale", "value"),
    [
        ("3. März 2024", "%-d. %B %Y", "de", "2024-03-03"),
        ("3. MÄRZ 2024", "%-d. %B %Y", "de", "2024-03-03"),
        ("3. Ma\u0308rz 2024", "%-d. %B %Y", "de", "2024-03-03"),
        ("3. Marz 2024", "%-d. %B %Y", "de", "2024-03-03"),
        ("3. Mär 2024", "%-d. %B %Y", "de", None),
        ("3. March 2024", "%-d. %B %Y", "de", None),
        ("03-Mär-24", "%d-%b-%y", "de", "2024-03-03"),
        ("05. Sept. 2024", "%d. %b %Y", "de", "2024-09-05"),
        ("05. sept 2024", "%d. %b %Y", "de", "2024-09-05"),
        ("05. Sep 2024", "%d. %b %Y", "de", "2024-09-05"),
        ("05. September 2024", "%d. %b %Y", "de", None),
        ("1 août 2024", "%-d %B %Y", "fr", "2024-08-01"),
        ("1 AOUT 2024", "%-d %B %Y", "fr", "2024-08-01"),
        ("1 déc. 2024", "%-d %b %Y", "fr", "2024-12-01"),
        ("1 DEC 2024", "%-d %b %Y", "fr", "2024-12-01"),
        ("31 fevrier 2024", "%-d %B %Y", "fr", None),
        ("1 de marzo de 2024", "%-d de %B de %Y", "es", "2024-03-01"),
        ("1 мая 2024", "%-d %B %Y", "ru", "2024-05-01"),
        ("1 МАЙ 2024", "%-d %B %Y", "ru", "2024-05-01"),
        ("10 Kas\u0131m 2024", "%d %B %Y", "tr", "2024-11-10"),
        ("10 KASIM 2024", "%d %B %Y", "tr", "2024-11-10"),
        ("10 N\u0130SAN 2024", "%d %B %Y", "tr", "2024-04-10"),
        ("10 \u0130YUN 2024", "%d %B %Y", "az", "2024-06-10"),
        ("5 ΜΑΡΤΙΟΣ 2024", "%-d %B %Y", "el", "2024-03-05"),
        ("2024年11月5日", "%Y年%B%-d日", "ja", "2024-11-05"),
        ("5 março 2024", "%-d %B %Y", "pt-BR", "2024-03-05"),
        ("March 5, 2024 10:30", "%B %-d, %Y %H:%M", "en", "2024-03-05 10:30:00"),
        ("", "%-d %B %Y", "fr", None),
        ("1 ' 2024", "%-d %B %Y", "fr", None),
    ],
)
def test_months_have_the_names_of_their_language(text: str, pattern: str, locale: str, value: str | None) -> None:
    spelling = Spelling(dates=(pattern,), locale=locale)
    kind = "timestamp" if value and ":" in value else "date"
    assert read(text, kind, spelling) == value


def test_a_name_has_one_meaning_in_each_language_that_can_be_said() -> None:
    for locale in (
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "pl",
        "cs",
        "sv",
        "da",
        "nb",
        "fi",
        "tr",
        "ru",
        "hu",
        "el",
        "vi",
    ):
        for is_short in (True, False):
            names = month_names(locale, is_short=is_short)
            assert set(names.values()) == set(range(1, 13))
            by_case = {(name.casefold(), month) for name, month in names.items()}
            assert len({name for name, _ in by_case}) == len(by_case)


@pytest.mark.parametrize(
    ("kind", "written", "message"),
    [
        ("date", {"dates": ["%m/%Y"]}, "column a: written: dates: '%m/%Y' does not name a day"),
        ("date", {"dates": ["%d.%m.%x"]}, "column a: written: dates: '%d.%m.%x' is not a pattern: `%x`"),
        ("date", {"dates": ["%G-W%V-%u"]}, "column a: written: dates: '%G-W%V-%u': a value may not be written by"),
        ("timestamp", {"dates": ["%d.%m.%Y %I"]}, "column a: written: dates: '%d.%m.%Y %I' does not give the moment"),
        ("timestamp", {"dates": ["%Y%m%d%H%z"]}, "column a: written: dates: '%Y%m%d%H%z': `%z` belongs to"),
        ("timestamptz", {"dates": ["%Y%m%d%H"]}, "column a: written: dates: '%Y%m%d%H': `%z` belongs to"),
        ("date", {"decimal": ","}, "column a: written: decimal says nothing of values of this type"),
        ("bigint", {"dates": ["%Y%m%d"]}, "column a: written: dates says nothing of values of this type"),
        ("double", {"decimal": ",", "thousands": ","}, "column a: written: ',' is the mark of decimals and of"),
        ("double", {"thousands": ";"}, "column a: config: meta: written: thousands: ';' is not one of"),
        ("date", {"dates": ["%-d %b %Y"], "locale": "xx"}, "column a: config: meta: written: locale 'xx' is not"),
        ("date", {"dates": ["%-d %b %Y"], "locale": False}, "column a: config: meta: written: locale False is not"),
        ("date", {"dates": ["%d.%m.%Y"], "locale": "de"}, "column a: written: locale goes with dates that have the"),
        (
            "date",
            {"dates": ["%d %b %Y"], "locale": "dyo"},
            "column a: written: dates: '%d %b %Y' is not a pattern: 'dyo'",
        ),
        ("bigint", {"locale": "de"}, "column a: written: locale says nothing of values of this type"),
        ("date", {"dates": ["%B%-d %Y"], "locale": "vi"}, "column a: written: dates: '%B%-d %Y' is not a pattern: a"),
        ("double", {"sign": "x"}, "column a: config: meta: written: unknown key 'sign'"),
    ],
)
def test_what_cannot_be_said_of_a_column_is_told(kind: str, written: dict[str, Any], message: str) -> None:
    node = bronze_node("x", {"id": "bigint", "a": kind}, ["id"])
    node["columns"]["a"]["config"] = {"meta": {"written": written}}
    with pytest.raises(ContractError) as error:
        parse_contract(node)
    assert str(error.value).split(": ", 1)[1].startswith(message)


def test_the_format_says_it_for_all_columns_and_a_column_for_itself() -> None:
    form = {"type": "csv", "decimal": ",", "thousands": ".", "dates": ["%d.%m.%Y"]}
    node = bronze_node("x", {"id": "bigint", "price": "double", "day": "date", "name": "varchar"}, ["id"], format=form)
    node["columns"]["price"]["config"] = {"meta": {"written": {"thousands": "", "units": ["€"]}}}
    contract = parse_contract(node)
    spelled = {column.name: column.type.spelling for column in contract.columns}
    assert spelled == {
        "id": GERMAN,
        "price": Spelling(decimal=",", units=("€",)),
        "day": Spelling(dates=("%d.%m.%Y",)),
        "name": Spelling(),
    }
    assert contract.form["columns"][1] == ["price", "double", {"decimal": ",", "units": ["€"]}]
    assert contract.form["columns"][0] == ["id", "bigint"]


def test_the_language_of_a_format_is_that_of_its_dates_and_a_column_may_have_another() -> None:
    form = {"type": "csv", "dates": ["%d %B %Y", "%Y-%m-%d"], "locale": "de"}
    node = bronze_node("x", {"id": "bigint", "a": "date", "b": "date", "c": "date"}, ["id"], format=form)
    node["columns"]["b"]["config"] = {"meta": {"written": {"locale": "fr"}}}
    node["columns"]["c"]["config"] = {"meta": {"written": {"dates": ["%d.%m.%Y"]}}}
    spelled = {column.name: column.type.spelling for column in parse_contract(node).columns}
    assert (spelled["id"].locale, spelled["a"].locale, spelled["b"].locale, spelled["c"].locale) == ("", "de", "fr", "")
    with pytest.raises(ContractError, match="format: locale: no date is written with the name of a month"):
        parse_contract(bronze_node("x", {"id": "bigint", "a": "date"}, ["id"], format={**form, "dates": ["%Y%m%d"]}))
