"""What arrives on a day follows from the source, and arrives the same way every time."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from assay.contract.names import literal
from demo.replay import ReplaySummary, replay, replaying
from demo.replay.arrivals import build_arrivals
from demo.replay.products import FIRST_SUNDAY, sundays
from demo.replay.source_data import open_source

FIRST, LAST = date(2017, 1, 1), date(2017, 12, 31)
WEEK = (date(2017, 1, 16), date(2017, 1, 22))


pytestmark = pytest.mark.slow  # the whole year is replayed


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder, with blanks and quotes in its name, after a replay of all days."""
    landing = tmp_path_factory.mktemp("lake") / 'it\'s a "land ing" [*]'
    replay(landing, FIRST, LAST)
    return landing


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The source's tables and `arrivals`."""
    con = open_source(tmp_path_factory.mktemp("scratch"))
    build_arrivals(con)
    return con


@pytest.fixture(scope="module")
def arrived(year: Path, source: duckdb.DuckDBPyConnection) -> str:
    """SQL that reads all the year's transactions as text, with `filename`."""
    # read_csv would take the `[*]` of the folder for a pattern, so the files are read under a name without one.
    link = year.parent / "plain"
    link.symlink_to(year)
    columns = dict.fromkeys((name for name, *_ in source.execute("describe transactions").fetchall()), "VARCHAR")
    files = literal(str(link / "transactions" / "*.csv"))
    return f"read_csv({files}, header=true, columns={columns}, auto_detect=false, filename=true)"


def digests(landing: Path) -> dict[str, tuple[str, float]]:
    files = sorted(path for path in landing.rglob("*") if path.is_file())
    return {
        str(path.relative_to(landing)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime)
        for path in files
    }


def day_of(path: Path) -> date:
    return date.fromisoformat(path.name.rpartition("_")[2].split(".")[0])


def products_in(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_every_row_of_the_source_arrives_exactly_once_with_its_values(
    arrived: str, source: duckdb.DuckDBPyConnection
) -> None:
    """Read back as the source's types, so the same number written in another way is the same."""
    columns = source.execute("describe transactions").fetchall()
    typed = f"(select {', '.join(f'{name}::{kind} as {name}' for name, kind, *_ in columns)} from {arrived})"
    sums = "count(*), sum(quantity), sum(hash(basket_id, product_id)), sum(sales_value::decimal(12, 2))"

    assert source.execute(f"select * from transactions except all from {typed} limit 5").fetchall() == []
    assert (
        source.execute(f"select {sums} from {typed}").fetchall()
        == source.execute(f"select {sums} from transactions").fetchall()
    )


@pytest.mark.parametrize("column", ["sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"])
def test_an_amount_is_written_with_the_fewest_digits(
    arrived: str, source: duckdb.DuckDBPyConnection, column: str
) -> None:
    """1.39 and never 1.3900000000000001; Python's repr is the shortest text of a double."""
    texts = [text for (text,) in source.execute(f"select distinct {column} from {arrived}").fetchall()]

    assert [text for text in texts if repr(float(text)) != text] == []


def test_no_basket_is_split_over_two_files_and_each_is_in_the_file_of_its_day(
    arrived: str, source: duckdb.DuckDBPyConnection
) -> None:
    wrong = source.execute(
        f"""
        with found as (
            select basket_id::bigint as basket_id, count(distinct filename) as files, min(filename) as file
            from {arrived} group by all
        )
        select * from found inner join arrivals using (basket_id)
        where files > 1 or not suffix(file, 'transactions_' || arrival_day || '.csv') limit 5
        """
    )

    assert wrong.fetchall() == []


def test_rows_are_in_order_of_basket_and_product(year: Path) -> None:
    for path in sorted((year / "transactions").iterdir())[::30]:
        with path.open(newline="") as stream:
            keys = [(int(row["basket_id"]), int(row["product_id"])) for row in csv.DictReader(stream)]
        assert keys == sorted(keys), path.name


def test_a_day_without_rows_has_no_file(year: Path, source: duckdb.DuckDBPyConnection) -> None:
    expected = {day for (day,) in source.execute("select distinct arrival_day from arrivals").fetchall()}
    days = {day_of(path) for path in (year / "transactions").iterdir()}

    assert days == expected
    assert date(2017, 12, 25) not in days


def test_a_csv_has_the_sources_header_and_plain_line_ends(year: Path, source: duckdb.DuckDBPyConnection) -> None:
    names = [name for name, *_ in source.execute("describe transactions").fetchall()]
    for path in (year / "transactions").iterdir():
        data = path.read_bytes()
        assert data.startswith(",".join(names).encode() + b"\n")
        assert data.endswith(b"\n")
        assert b"\r" not in data


def test_every_file_carries_noon_utc_of_its_day(year: Path) -> None:
    for path in year.rglob("*.*"):
        if path.is_file():
            changed = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
            assert (changed.date(), changed.hour, changed.minute) == (day_of(path), 12, 0)


def test_nothing_is_left_beside_the_files(year: Path) -> None:
    assert sorted(path.name for path in year.iterdir()) == [
        "campaign_households", "campaigns", "coupon_redemptions", "coupons", "households", "products", "promotions",
        "transactions",
    ]  # fmt: skip
    assert not [path for path in year.rglob("*") if path.name.startswith(".")]


def test_a_snapshot_arrives_every_sunday_and_the_first_on_the_first_day(year: Path) -> None:
    days = sorted(day_of(path) for path in (year / "products").iterdir())

    assert days[0] == FIRST
    assert days == [FIRST + timedelta(weeks=week) for week in range(53)]


def test_a_snapshot_holds_what_those_before_held(year: Path) -> None:
    paths = sorted((year / "products").iterdir())
    paths = paths[:4] + paths[4::12]
    lines = [set(gzip.decompress(path.read_bytes()).splitlines()) for path in paths]

    for earlier, later in pairwise(lines):
        assert earlier <= later


def test_a_snapshot_holds_the_products_sold_or_promoted_up_to_its_day(
    year: Path, source: duckdb.DuckDBPyConnection
) -> None:
    """Week w of the promotions ends on the w-th Sunday."""
    for week in (1, 30):
        day = FIRST + timedelta(weeks=week - 1)
        expected = source.execute(
            """
            select * from products
            where product_id in (
                select product_id from transactions inner join arrivals using (basket_id) where arrival_day <= $day
            ) or product_id in (select product_id from promotions where week <= $week)
            order by product_id
            """,
            {"day": day, "week": week},
        )
        names = [column[0] for column in expected.description or []]
        wanted = [dict(zip(names, row, strict=True)) for row in expected.fetchall()]
        products = products_in(year / "products" / f"products_{day}.jsonl.gz")
        assert products == wanted
        assert list(products[0]) == names


def test_a_gzip_header_names_no_file_and_no_time(year: Path) -> None:
    for path in (year / "products").iterdir():
        header = path.read_bytes()[:8]
        assert header == b"\x1f\x8b\x08\x00\x00\x00\x00\x00", path.name


def test_two_replays_give_the_same_bytes_and_times_with_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: Path
) -> None:
    def single(scratch: Path) -> duckdb.DuckDBPyConnection:
        con = open_source(scratch)
        con.execute("set threads = 1")
        return con

    replay(tmp_path / "many", *WEEK)
    monkeypatch.setattr(replaying, "WORKERS", 1)
    monkeypatch.setattr(replaying, "open_source", single)
    replay(tmp_path / "one", *WEEK)

    week = digests(tmp_path / "one")
    assert week == digests(tmp_path / "many")
    assert week.items() <= digests(year).items()


def test_files_that_are_right_are_left_alone_and_wrong_ones_replaced(tmp_path: Path) -> None:
    first = replay(tmp_path, *WEEK)
    wrong = tmp_path / "transactions" / f"transactions_{WEEK[0]}.csv"
    good = wrong.read_bytes()
    wrong.write_bytes(good[:-1])
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.*") if path.is_file() and path != wrong}
    times = {path: path.stat().st_mtime_ns for path in before}

    again = replay(tmp_path, *WEEK)

    assert (first.written, first.unchanged) == (10, 0)
    assert (again.written, again.unchanged) == (1, 9)
    assert again.rows == first.rows
    assert wrong.read_bytes() == good
    assert before == {path: path.stat().st_ino for path in before}
    assert times == {path: path.stat().st_mtime_ns for path in before}


def test_the_summary_and_the_progress_tell_what_is_in_the_files(tmp_path: Path) -> None:
    told: list[str] = []

    summary = replay(tmp_path, FIRST, FIRST, progress=told.append)

    rows = len((tmp_path / "transactions" / "transactions_2017-01-01.csv").read_bytes().splitlines()) - 1
    products = len(products_in(tmp_path / "products" / "products_2017-01-01.jsonl.gz"))
    assert isinstance(summary, ReplaySummary)
    assert (summary.written, summary.unchanged) == (7, 0)
    assert summary.rows["products"] == products
    assert summary.rows["transactions"] == rows
    assert len(told) == 7
    assert {f"products_2017-01-01.jsonl.gz: {products:,} rows, written",
            f"transactions_2017-01-01.csv: {rows:,} rows, written"} < set(told)  # fmt: skip


def test_an_interrupted_replay_leaves_whole_files_and_can_be_repeated(tmp_path: Path) -> None:
    def stop(message: str) -> None:
        if "2017-01-18" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(tmp_path / "a", *WEEK, progress=stop)
    replay(tmp_path / "b", *WEEK)

    whole = digests(tmp_path / "b")
    assert digests(tmp_path / "a").items() <= whole.items()
    replay(tmp_path / "a", *WEEK)
    assert digests(tmp_path / "a") == whole


def test_sundays_are_found_from_any_weekday_and_both_ends_count() -> None:
    assert FIRST_SUNDAY.isoweekday() == 7
    assert sundays(date(2017, 1, 1), date(2017, 1, 1)) == [date(2017, 1, 1)]
    assert sundays(date(2017, 1, 2), date(2017, 1, 7)) == []
    assert sundays(date(2017, 1, 2), date(2017, 1, 15)) == [date(2017, 1, 8), date(2017, 1, 15)]


TABLE_OF = {
    "campaign_households": "campaigns",
    "campaigns": "campaign_descriptions",
    "households": "demographics",
}


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("promotions", "read_parquet({files})"),
        ("campaign_households", "read_csv({files}, delim = ',', all_varchar = true)"),
        ("coupons", "read_csv({files}, delim = '\t', all_varchar = true, compression = 'zstd')"),
        ("campaigns", "read_json({files}, format = 'newline_delimited')"),
        ("coupon_redemptions", "read_json({files}, format = 'newline_delimited')"),
    ],
)
def test_the_year_of_a_source_holds_every_row_of_its_table_once(
    year: Path, source: duckdb.DuckDBPyConnection, name: str, reader: str
) -> None:
    link = year.parent / f"plain {name}"
    link.symlink_to(year)
    table = TABLE_OF.get(name, name)
    typed = ", ".join(
        f"{column}::{kind} as {column}" for column, kind, *_ in source.execute(f"describe {table}").fetchall()
    )
    written = f"select {typed} from {reader.format(files=literal(str(link / name / '*')))}"
    # The sum of a hash of each row tells two multisets apart, and needs no sort of 20 million rows.
    both = [f"select count(*), sum(hash(rows)) from ({rows}) as rows" for rows in (written, f"from {table}")]
    assert source.execute(both[0]).fetchall() == source.execute(both[1]).fetchall()


def test_households_are_known_on_the_fifteenth_of_each_month_and_all_in_the_end(
    year: Path, source: duckdb.DuckDBPyConnection
) -> None:
    files = sorted((year / "households").iterdir())
    assert [day_of(path) for path in files] == [date(2017, month, 15) for month in range(1, 13)]
    lines = [path.read_bytes().decode("latin-1").splitlines() for path in files]
    assert all(set(earlier) <= set(later) for earlier, later in pairwise(lines))
    known = source.execute("select household_id from demographics order by household_id").fetchall()
    assert [int(line.split(";")[0]) for line in lines[-1][1:]] == [household for (household,) in known]


def test_what_a_campaign_announces_arrives_when_it_starts(year: Path, source: duckdb.DuckDBPyConnection) -> None:
    starts = source.execute(
        "select distinct greatest(start_date::date, date '2017-01-01') from campaign_descriptions order by all"
    ).fetchall()
    for name in ("campaigns", "campaign_households", "coupons"):
        assert sorted(day_of(path) for path in (year / name).iterdir()) == [day for (day,) in starts]
