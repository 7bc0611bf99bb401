"""What decides stored rows is written down explicitly: no new key and no edit of a macro may stop a stored lake."""

from __future__ import annotations

import contextlib
from dataclasses import fields, replace
from typing import Any

import duckdb
import pytest

from assay.contract.contract import Column, Contract, Rule
from assay.contract.format import Format
from assay.contract.parse import parse_contract
from assay.contract.types import is_wider, loses
from assay.tables.table_definition import bronze_form, differences, is_widened, own_sql
from tests.source import bronze_node

DECIDES = {
    Contract: {
        "source", "files", "format", "load", "columns", "key", "rules", "new_columns", "newest_by", "file_date",
        "path_template",
    },
    Format: {
        "type", "records", "elements", "is_avro", "each", "places", "aliases", "shapes", "sheet", "range", "widths",
        "trimmed", "delimiter",
        "quote", "escape", "header", "names", "preamble", "footer", "comment",
        "repeated_header", "encoding", "nulls", "quoted_nulls", "decimal", "thousands",
        "dates", "locale",
    },
    Column: {"name", "type", "is_optional", "origin"},
    Rule: {"name", "expression"},
}  # fmt: skip
DECIDES_NO_STORED_ROW = {
    Contract: {"version", "owner", "shares_with", "max_loss", "has_history"},
    Format: set(),
    Column: {"description", "is_personal"},
    Rule: {"column"},
}  # fmt: skip


def contract(**options: Any) -> Contract:
    return parse_contract(bronze_node("sales", {"id": "bigint", "amount": "decimal(10,2)"}, ["id"], **options))


@pytest.mark.parametrize("kind", [Contract, Format, Column, Rule])
def test_of_each_key_somebody_decided_whether_it_decides_rows(kind: type) -> None:
    """Put a new key into one of the two; if it decides rows, into `form` as well, left out at its default."""
    assert {field.name for field in fields(kind)} == DECIDES[kind] | DECIDES_NO_STORED_ROW[kind]


def test_the_fingerprint_of_a_contract_is_frozen() -> None:
    """If this fails, every stored lake would examine its refused files anew; change the version, not the figure."""
    form = {"type": "csv", "delimiter": ";", "nulls": ["", "NA"]}
    assert contract(format=form, newest_by="amount").form == {
        "source": "sales",
        "files": "sales/*",
        "format": {"type": "csv", "delimiter": ";", "nulls": ["", "NA"]},
        "load": "events",
        "columns": [["id", "bigint"], ["amount", "decimal(10,2)"]],
        "key": ["id"],
        "rules": [["id_not_null", '"id" is not null']],
        "new_columns": "rescue",
        "newest_by": "amount",
    }
    assert contract(format=form, newest_by="amount").fingerprint == "2:01300185c2292628"


@pytest.mark.parametrize(
    "options", [{"format": {"type": "csv", "delimiter": ","}}, {"version": "2.0.0"}, {"owner": "x"}]
)
def test_what_is_said_anyway_and_prose_are_no_change(options: dict[str, Any]) -> None:
    assert contract(**options).fingerprint == contract().fingerprint


@pytest.mark.parametrize(
    "options",
    [{"format": {"type": "csv", "nulls": []}}, {"new_columns": "refuse"}, {"newest_by": "amount"}, {"files": "x/*"}],
)
def test_what_decides_rows_is_a_change(options: dict[str, Any]) -> None:
    assert contract(**options).fingerprint != contract().fingerprint


@pytest.mark.parametrize(
    ("sql", "same"),
    [
        ("select  a -- why\n from t", "select a from t"),
        ("select /* a\n b */ a from t", "select a from t"),
        ("select 1 /*assay:verdict*/ case when x then y end /*assay:end*/ as v", "select 1 {{ verdict }} as v"),
        ("/*assay:newest_rows bronze_x*/ anything /*assay:end*/", "{{ newest_rows bronze_x }}"),
    ],
)
def test_comments_layout_and_what_the_engine_wrote_do_not_count(sql: str, same: str) -> None:
    assert own_sql(sql) == own_sql(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 'a  b'", "select 'a b'"),
        ("select '--x'", "select '--y'"),
        ("select 'it''s /* a */'", "select 'it''s /* b */'"),
        ('select "a  b"', 'select "a b"'),
        (r"select e'\' --a'", r"select e'\' --b'"),
        ("select $$a  b$$", "select $$a b$$"),
        ("select $x$ -- $x$", "select $x$ $x$"),
    ],
)
def test_what_stands_in_a_literal_or_a_name_counts(one: str, other: str) -> None:
    assert own_sql(one) != own_sql(other)


def test_a_change_is_named() -> None:
    before, now = contract(), contract(new_columns="refuse")
    amount = replace(now.columns[1], name="price")
    now = replace(now, columns=(now.columns[0], amount))
    assert differences(bronze_form(before, "select 1"), bronze_form(now, "select 2")) == [
        "`new_columns`",
        "column amount (decimal(10,2) → none)",
        "column price (none → decimal(10,2))",
        "its SQL",
    ]


def test_columns_that_are_written_in_their_own_way_are_told_apart() -> None:
    before = contract(written={"amount": {"decimal": ","}})
    now = contract(written={"amount": {"decimal": ",", "units": ["%"]}})
    [difference] = differences(bronze_form(before, "select"), bronze_form(now, "select"))
    assert difference.startswith('column amount (decimal(10,2) {"decimal": ","} → decimal(10,2) {"decimal": ","')
    wider = replace(before, columns=(*before.columns, TILL))
    assert is_widened(wider, bronze_form(wider, "select"), bronze_form(before, "select"))


def test_where_a_value_stands_in_its_record_decides_rows() -> None:
    json_lines = {"format": {"type": "jsonl"}}
    before, now = contract(**json_lines), contract(**json_lines, paths={"amount": "/price/amount"})
    assert now.form["format"]["places"] == [["id", "/id"], ["amount", "/price/amount"]]
    assert differences(bronze_form(before, "select"), bronze_form(now, "select")) == ["`format`"]
    assert contract(**json_lines, paths={}).fingerprint == before.fingerprint


def widened(column: Column, *rules: Rule, at: int = 2) -> Contract:
    base = contract()
    return replace(base, columns=(*base.columns[:at], column, *base.columns[at:]), rules=(*base.rules, *rules))


TILL = Column("till", contract().columns[0].type, is_optional=True)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_optional_column_widens_a_table_wherever_it_stands(at: int) -> None:
    for rule in (Rule("till_positive", "till > 0", "till"), Rule("till_or_amount", "till > amount", "")):
        now = widened(TILL, rule, at=at)
        assert is_widened(now, bronze_form(now, "select"), bronze_form(contract(), "select"))


@pytest.mark.parametrize(
    "now",
    [
        widened(replace(TILL, is_optional=False)),
        replace(contract(), rules=(*contract().rules, Rule("amount_positive", "amount > 0", "amount"))),
        replace(widened(TILL), new_columns="refuse"),
    ],
)
def test_anything_else_is_a_change(now: Contract) -> None:
    assert not is_widened(now, bronze_form(now, "select"), bronze_form(contract(), "select"))


def test_a_column_that_may_be_left_out_from_now_on_changes_no_row() -> None:
    before = contract()
    now = replace(before, columns=(before.columns[0], replace(before.columns[1], is_optional=True)))
    assert is_widened(now, bronze_form(now, "select"), bronze_form(before, "select"))


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("bigint", "integer", True),
        ("hugeint", "tinyint", True),
        ("integer", "integer", False),
        ("integer", "bigint", False),
        ("decimal(12,2)", "decimal(10,2)", True),
        ("decimal(12,4)", "decimal(10,2)", True),
        ("decimal(12,4)", "decimal(12,2)", False),
        ("decimal(12,1)", "decimal(10,2)", False),
        ("decimal(10,2)", "decimal(10,2)", False),
        ("decimal(20,0)", "integer", False),
        ("varchar", "bigint", False),
        ("timestamp", "date", False),
    ],
)
def test_a_type_is_wider_that_holds_each_value_as_it_is(wide: str, narrow: str, expected: bool) -> None:
    assert is_wider(wide, narrow) == expected


VALUES = {
    "integer": ["7", "2147483647"],
    "hugeint": ["7", "9007199254740993"],
    "decimal(8,2)": ["7.00", "7.25"],
    "decimal(6,0)": ["7", "123456"],
    "double": ["7", "7.25"],
    "varchar": ["7", "7.25", "2024-02-29", "2024-02-29 23:59:59"],
    "boolean": ["true", "false"],
    "date": ["2024-02-29"],
    "timestamp": ["2024-02-29 00:00:00", "2024-02-29 23:59:59"],
    "timestamp with time zone": ["2024-02-29 00:00:00+00", "2024-02-29 23:59:59+00"],
}


@pytest.mark.parametrize("origin", list(VALUES))
def test_a_cast_that_does_not_lose_gives_each_value_back_or_fails(origin: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for kind in VALUES:
            changed = False
            for value in VALUES[origin]:
                asked = f"select v is not distinct from v::{kind}::{origin} from (select '{value}'::{origin} as v)"
                with contextlib.suppress(duckdb.ConversionException, duckdb.BinderException):
                    changed |= not connection.execute(asked).fetchall()[0][0]
            is_text = origin == "varchar" and kind != "varchar"  # `7.0` is another text than `7`, and the same number
            assert loses(origin, kind) or not changed or is_text or kind in ("double", "boolean"), kind


@pytest.mark.parametrize(
    ("origin", "kind"),
    [
        ("bigint", "integer"),
        ("integer", "decimal(12,2)"),
        ("decimal(8,2)", "decimal(6,2)"),
        ("decimal(6,0)", "integer"),
        ("decimal(8,2)", "double"),
        ("varchar", "timestamp"),
        ("date", "timestamp"),
        ("timestamp", "varchar"),
    ],
)
def test_a_cast_that_fails_aloud_or_holds_each_value_is_allowed(origin: str, kind: str) -> None:
    assert not loses(origin, kind)


def test_what_takes_in_more_is_no_change_and_what_takes_in_less_is_one() -> None:
    before = bronze_form(contract(aliases={"amount": ["x"]}, new_columns="refuse"), "select 1")
    for more in (
        {"aliases": {"amount": ["x", "y"], "id": ["z"]}, "new_columns": "refuse"},
        {"aliases": {"amount": ["x"]}, "new_columns": "rescue"},
    ):
        now = contract(**more)
        assert is_widened(now, bronze_form(now, "select 1"), before)
        assert not is_widened(contract(), before, bronze_form(now, "select 1"))
