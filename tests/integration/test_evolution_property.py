"""Files and contracts change shape in any order: what is stored is what one load under the last contract gives."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.source import Source
from tests.table_files import FORMATS

BIG = 3_000_000_000
"""More than an `integer` holds."""
CHANGES = ("till", "names", "wide", "note", "keep")
"""What the contract takes in over time: a column, other names of it, a wider type, another column, unknown columns."""


@dataclass(frozen=True)
class Delivery:
    """A file: how it calls the till, what else it has, in which order; and whether it comes before the next change."""

    till: str
    has_note: bool
    has_extra: bool
    is_turned: bool
    after: int


def contract(done: Sequence[str], new_columns: str, form: dict[str, Any]) -> dict[str, Any]:
    """What `Source` takes, once some changes were made."""
    columns = {"id": "bigint", "quantity": "bigint" if "wide" in done else "integer"}
    columns |= {"note": "varchar"} if "note" in done else {}
    columns |= {"till": "bigint"} if "till" in done else {}
    aliases = {"till": ["kasse", "Till"]} if {"till", "names"} <= {*done} else {}
    optional = [name for name in ("till", "note") if name in columns]
    unknown = new_columns if "keep" in done else "refuse"
    return {"columns": columns, "optional": optional, "aliases": aliases, "new_columns": unknown, "format": form}


def rows(number: int, file: Delivery, *, is_wide: bool) -> dict[str, list[Any]]:
    """Two records of a file."""
    ids = [2 * number, 2 * number + 1]
    table: dict[str, list[Any]] = {"id": ids, "quantity": [BIG + number if is_wide else number, 7]}
    table |= {file.till: [10 + number, 0]} if file.till else {}
    table |= {"note": [f"n {number}", "x"]} if file.has_note else {}
    table |= {"extra": ["e", f"{number}.50"]} if file.has_extra else {}
    return dict(reversed(table.items())) if file.is_turned else table


def stored(source: Source) -> Counter[tuple[object, ...]]:
    """All rows of bronze with what was rescued, without ids of loads."""
    names = ", ".join(f'"{name}"' for name in ("id", "quantity", "till", "note"))
    kept = source.sql(f"select {names}, _violations::varchar, _rescued::varchar from {source.table}")
    return Counter((*row[:-1], json.dumps(json.loads(row[-1] or "{}"), sort_keys=True)) for row in kept)


def check(kind: str, order: Sequence[str], files: Sequence[Delivery], new_columns: str) -> None:
    """Load the files as they come under the contract of the time, and all of them at once under the last one."""
    form, written = FORMATS[kind]
    with tempfile.TemporaryDirectory() as folder:
        final = contract(CHANGES, new_columns, form)
        one, step = (
            Source(Path(folder) / "one", **final),
            Source(Path(folder) / "step", **contract((), new_columns, form)),
        )
        due = sorted(enumerate(files), key=lambda item: item[1].after)
        for at in range(len(order) + 1):
            done = order[:at]
            now = contract(done, new_columns, form)
            step.columns, step.options = now.pop("columns"), now
            for number, file in due:
                if file.after == at:
                    content = written(rows(number, file, is_wide="wide" in done))
                    for source in (one, step):
                        source.put(f"{number:02}", content)
                    step.run()
        step.run()
        one.run()
        assert set(step.files().values()) <= {"loaded", "duplicate"}
        assert stored(step) == stored(one)
        assert step.malformed() == []
        step.load(is_full_refresh=True)
        assert stored(step) == stored(one)
        for source in (one, step):
            source.connection.close()


FILES = st.builds(
    Delivery,
    till=st.sampled_from(["", "till", "kasse", "Till"]),
    has_note=st.booleans(),
    has_extra=st.booleans(),
    is_turned=st.booleans(),
    after=st.integers(0, len(CHANGES)),
)
ORDERS = st.permutations(CHANGES)


def test_what_was_rescued_is_promoted_and_renamed_as_one_load_would_have_it() -> None:
    files = [
        Delivery("kasse", has_note=True, has_extra=True, is_turned=False, after=0),
        Delivery("Till", has_note=True, has_extra=False, is_turned=True, after=5),
    ]
    check("csv", ("names", "note", "till", "wide", "keep"), files, "add")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@settings(max_examples=12, deadline=None)
@given(order=ORDERS, files=st.lists(FILES, min_size=1, max_size=6), new_columns=st.sampled_from(["rescue", "add"]))
def test_drift_in_any_order_is_stored_as_by_one_load_under_the_last_contract(
    kind: str, order: list[str], files: list[Delivery], new_columns: str
) -> None:
    check(kind, order, files, new_columns)


HEADERS = {
    0: ("id", "till", "amount"),
    90: ("amount", "id", "till", "clerk"),
    180: ("id", "Till No.", "Amount (EUR)", "clerk"),
    270: ("id", "Amount (EUR)", "clerk"),
    300: ("Receipt", "till", "amount", "clerk", "shift"),
}
"""The columns of daily files of a year, from some day on."""


@pytest.mark.slow
@pytest.mark.parametrize("every", [7, 364])
def test_a_year_of_daily_files_whose_header_changed_four_times_loses_no_record(tmp_path: Path, every: int) -> None:
    aliases = {"id": ["Receipt"], "till": ["Till No."], "amount": ["Amount (EUR)"]}
    columns = {"id": "bigint", "till": "integer", "amount": "decimal(9,2)"}
    source = Source(tmp_path, columns, optional=["till"], aliases=aliases, new_columns="add", files="sales/*.csv")
    names: tuple[str, ...] = ()
    for day in range(364):
        names = HEADERS.get(day, names)
        values = {"id": "{n}", "Receipt": "{n}", "till": "{t}", "Till No.": "{t}", "clerk": "0{t}", "shift": "late"}
        line = ",".join(values.get(name, "{n}.50") for name in names)
        records = [line.format(n=day * 100 + n, t=n % 7) for n in range(100)]
        source.put(f"{day:03}.csv", "\n".join([",".join(names), *records, ""]))
        if (day + 1) % every == 0:
            source.run()
    assert set(source.files().values()) == {"loaded"}
    assert source.malformed() == []
    totals = f"select count(*), count(distinct id), sum(id), count(till), sum(till), sum(amount) from {source.table}"
    tills = [n % 7 for n in range(100)] * (364 - 30)
    whole = sum(range(36_400))
    assert source.sql(totals) == [(36_400, 36_400, whole, len(tills), sum(tills), whole + 18_200)]
    assert source.sql(f"select count(*) from {source.table} where _rescued ->> '$.clerk' = '0' || (id % 100 % 7)") == [
        (27_400,)
    ]
    told = source.sql("select path, column_name, what from ops.schema_changes order by change_id")
    assert told == [
        ("sales/090.csv", "clerk", "came"),
        ("sales/180.csv", "amount", "renamed"),
        ("sales/180.csv", "till", "renamed"),
        ("sales/270.csv", "till", "went"),
        ("sales/300.csv", "shift", "came"),
        ("sales/300.csv", "id", "renamed"),
        ("sales/300.csv", "till", "came"),
    ]
