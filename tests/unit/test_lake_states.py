"""Readers get a new state of all tables with one switch, in which only the parts that changed are new."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from assay.base import clock
from assay.base.settings import Settings
from assay.contract.errors import ContractError
from assay.contract.part_choice import parse_part_choice
from assay.publish import lake_state, part_files
from assay.publish.lake_state import link_or_copy
from assay.publish.publishing import clean_up
from assay.publish.states import IF_MISSING, folder_of, moved_from, read_state
from assay.tables.touched_parts import version_of
from tests.keyed import model
from tests.readers import DAY, Shop, row

MONTHS = ("2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15")
HOME = "a lake's [x] home/amount=5"
"""DuckDB takes paths for patterns, and would take the folder for the value of a column."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a few rows are cut as those of millions are."""
    monkeypatch.setattr(lake_state, "NATIVE_ROWS", 4)
    monkeypatch.setattr(part_files, "ROWS", 1)
    monkeypatch.setattr(part_files, "MOST", 8)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / HOME / "published")
    shop.bring("a", [row(number * 10 + n, day) for number, day in enumerate(MONTHS) for n in range(3)])
    shop.publish()
    return shop


def test_a_late_row_rewrites_the_part_of_its_month_alone(shop: Shop) -> None:
    before = shop.files()
    shop.bring("late", [row(99, "2024-02-29", amount=7)])
    shop.publish()
    after = shop.files()
    [gone] = before.keys() - after.keys()
    [new] = after.keys() - before.keys()
    assert gone[:8] == new[:8] == "2024-02_"
    assert {name: before[name] for name in before.keys() & after} == {n: after[n] for n in before.keys() & after}
    assert len(after) == len(MONTHS)
    assert shop.seen() == shop.stored()


def test_a_row_that_moves_to_another_month_rewrites_both(shop: Shop) -> None:
    before = shop.files()
    shop.bring("b", [row(0, "2024-04-30")])
    shop.publish()
    assert sorted(name[:7] for name in before.keys() - shop.files().keys()) == ["2024-01", "2024-04"]
    assert shop.seen() == shop.stored()


def test_of_many_rows_that_are_redone_those_that_differ_count(shop: Shop) -> None:
    before = shop.files()
    again = [row(number * 10 + n, day) for number, day in enumerate(MONTHS) for n in range(3)]
    shop.bring("again", [row(0, "2024-04-30"), *again[1:]])
    shop.publish()
    assert sorted(name[:7] for name in before.keys() - shop.files().keys()) == ["2024-01", "2024-04"]
    assert shop.seen() == shop.stored()


def test_a_month_that_is_new_or_left_empty_is_a_part_more_or_less(shop: Shop) -> None:
    before = shop.files()
    shop.bring("b", [row(number, "2024-05-01") for number in (0, 1, 2)])
    shop.publish()
    after = shop.files()
    assert [name[:7] for name in before.keys() - after.keys()] == ["2024-01"]
    assert [name[:7] for name in after.keys() - before.keys()] == ["2024-05"]
    assert shop.seen() == shop.stored()


def test_rows_without_a_day_have_a_part_of_their_own(shop: Shop) -> None:
    odd = [
        row(70, None),
        row(71, "infinity"),
        row(72, "-infinity"),
        row(73, "5881580-07-10"),
        row(74, "0044-03-15 (BC)"),
    ]
    shop.bring("odd", [(number, day, None, big, amount) for number, day, _, big, amount in odd])
    shop.publish()
    assert [name[:5] for name in shop.files() if not name.startswith("2024")] == ["rest_"]
    before = shop.files()
    shop.bring("odd", [(number, day, None, big, 9) for number, day, _, big, _ in odd[:2]])
    shop.publish()
    assert [name[:5] for name in before.keys() - shop.files().keys()] == ["rest_"]
    assert shop.seen() == shop.stored()


def test_nothing_new_is_no_new_state(shop: Shop) -> None:
    before = read_state(shop.published)
    assert shop.publish().changed == ()
    shop.tables.build()
    assert shop.publish().changed == ()
    assert read_state(shop.published) == before


def test_more_parts_than_a_reader_can_bear_are_cut_coarser(shop: Shop) -> None:
    shop.bring("years", [row(1000 + n, f"20{10 + n // 12}-{n % 12 + 1:02}-01") for n in range(30)])
    shop.publish()
    assert len(shop.files()) <= part_files.MOST
    assert {name.split("_")[0] for name in shop.files()} == {"2010-01", "2011-01", "2012-01", "2024-01"}
    assert shop.seen() == shop.stored()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_stand_once_in_whatever_span(shop: Shop, day: str) -> None:
    """Spans of a thousand years begin before the year 1 and end after 9999, where rows belong to the rest."""
    shop.bring("far", [row(200 + n, f"{n * 700 + 1:04}-06-01") for n in range(14)])
    shop.bring("edge", [row(300, day), row(301, "0001-01-01 (BC)"), row(302, "10000-01-01")])
    shop.publish()
    assert len(shop.files()) <= part_files.MOST
    assert shop.seen("select count(*) from silver.x") == shop.stored("select count(*) from silver.x")
    assert shop.seen() == shop.stored()


@pytest.mark.parametrize("column", ["id", "amount"])
def test_a_table_may_be_cut_by_a_number_and_a_part_that_grows_is_cut_again(tmp_path: Path, column: str) -> None:
    shop = Shop(tmp_path / "published", column)
    shop.bring("a", [row(n, amount=n) for n in range(8)])
    shop.publish()
    before = shop.files()
    assert len(before) == part_files.MOST // 2
    shop.bring("b", [row(0, amount=0, big=5)])
    shop.publish()
    assert len(before.keys() - shop.files().keys()) == 1
    before = shop.files()
    shop.bring("c", [row(n, amount=n) for n in range(8, 14)])
    shop.publish()
    assert len(before.keys() - shop.files().keys()) == 1
    assert len(before) < len(shop.files()) <= part_files.MOST
    assert shop.seen() == shop.stored()
    shop.bring("d", [row(n, amount=n) for n in range(14, 60)])
    shop.publish()
    assert len(shop.files()) <= part_files.MOST
    assert shop.seen() == shop.stored()


def test_a_column_that_serves_is_named_or_refused() -> None:
    columns = {"id": "bigint", "big": "hugeint", "name": "varchar"}
    assert parse_part_choice(model("gold_x", columns, parts_by="id"), ["name"]).declared == "id"
    for name, problem in (
        ("big", "big is hugeint; expected a date"),
        ("name", "name is varchar"),
        ("no", "'no' is not"),
    ):
        with pytest.raises(ContractError, match=f"gold_x.yml: parts_by: {problem}"):
            parse_part_choice(model("gold_x", columns, parts_by=name), [])


def test_a_full_rebuild_is_written_whole(shop: Shop) -> None:
    before = shop.files()
    shop.bring("b", [row(99)], is_full=True)
    shop.publish()
    assert not before.keys() & shop.files().keys()
    assert shop.seen() == shop.stored()


def test_a_rebuild_between_two_publications_counts(shop: Shop) -> None:
    shop.bring("b", [row(98, "2024-01-01")])
    shop.bring("c", [row(99, "2024-02-01")], is_full=True)
    shop.bring("d", [row(97, "2024-03-01")])
    before = shop.files()
    shop.publish()
    assert not before.keys() & shop.files().keys()
    assert shop.seen() == shop.stored()


def test_several_changes_between_two_publications_count_together(shop: Shop) -> None:
    before = shop.files()
    shop.bring("b", [row(98, "2024-01-01")])
    shop.bring("c", [row(99, "2024-02-01")])
    shop.publish()
    assert sorted(name[:7] for name in before.keys() & shop.files().keys()) == ["2024-03", "2024-04"]
    assert shop.seen() == shop.stored()


def test_rows_that_are_rebuilt_as_they_were_are_not_written_again(shop: Shop) -> None:
    """The keys of all months are redone, and one row of them differs."""
    before = shop.files()
    again = [row(number * 10 + n, day) for number, day in enumerate(MONTHS) for n in range(3)]
    shop.bring("again", [*again[:-1], row(32, MONTHS[3], amount=5)])
    shop.publish()
    assert [name[:7] for name in before.keys() - shop.files().keys()] == ["2024-04"]
    assert shop.seen() == shop.stored()


def test_a_warehouse_put_back_to_an_older_state_counts_the_same_seqs_again(tmp_path: Path) -> None:
    """The state with its seq of 3 is not the one that readers have: parts of two histories would be mixed."""
    published, backup = tmp_path / "published", tmp_path / "backup.duckdb"
    shop = Shop(published, database=str(tmp_path / "warehouse.duckdb"))
    for amount in (1, 2):
        shop.bring("a", [row(n, day, amount) for n, day in enumerate(MONTHS)])
        shop.publish()
    shop.connection.close()
    shutil.copyfile(tmp_path / "warehouse.duckdb", backup)
    shop = Shop(published, database=str(tmp_path / "warehouse.duckdb"))
    shop.bring("b", [row(0, MONTHS[0], amount=50)])
    shop.publish()
    shop.connection.close()
    restored = Shop(published, database=str(backup))
    restored.bring("b", [row(1, MONTHS[1], amount=60)])
    restored.bring("c", [row(2, MONTHS[2], amount=70)])
    assert restored.publish().changed == ("silver.x",)
    assert restored.seen() == restored.stored()


def test_a_folder_that_another_one_matches_as_a_pattern_is_read_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "a*b" / "published")
    shop.bring("a", [row(n, MONTHS[n % 4]) for n in range(8)])
    shop.publish()
    shutil.copytree(tmp_path / "a*b", tmp_path / "a and b", symlinks=True)
    assert shop.seen() == shop.stored()


def test_a_lake_that_knows_nothing_of_parts_is_written_whole(shop: Shop) -> None:
    before = shop.files()
    shop.connection.execute("delete from ops.touched_parts")
    shop.bring("b", [row(99, "2024-02-29")])
    shop.publish()
    assert not before.keys() & shop.files().keys()
    assert shop.seen() == shop.stored()


def test_rows_that_nobody_wrote_down_are_noticed_by_their_number(shop: Shop) -> None:
    before = shop.files()
    shop.connection.execute("insert into silver.x select * replace (12345 as id) from silver.x where id = 0")
    shop.bring("b", [row(99, "2024-04-29")])
    shop.publish()
    assert not before.keys() & shop.files().keys()
    assert shop.seen() == shop.stored()


def test_a_definition_with_another_column_is_written_whole(shop: Shop) -> None:
    shop.connection.execute("alter table silver.x add column note varchar")
    version_of(shop.connection, "silver.x", 2)
    shop.connection.execute("update ops.tables set seq = 2")
    shop.publish()
    assert shop.seen() == shop.stored()
    assert len(shop.seen()[0]) == len(shop.columns) + 4


def test_one_switch_moves_all_tables(shop: Shop) -> None:
    """A reader that opened before the switch sees all tables as they were, whatever comes."""
    shop.connection.execute("create view quarantine.x as select id, day from silver.x")
    shop.connection.execute("insert into ops.tables values ('bronze.x', 1, 1, '', 1, now(), 'run', null, null)")
    shop.publish(quarantine={"quarantine.x"})
    with shop.open() as reader:
        asked = "select count(*), (select count(*) from quarantine.x) from silver.x"
        assert reader.execute(asked).fetchall() == [(12, 12)]
        for number in range(3):
            shop.connection.execute("update ops.tables set seq = seq + 1 where table_name = 'bronze.x'")
            shop.bring(f"b{number}", [row(100 + number, MONTHS[number])])
            shop.publish(quarantine={"quarantine.x"})
            assert reader.execute(asked).fetchall() == [(12, 12)]
            assert shop.seen(asked) == [(13 + number, 13 + number)]


def test_a_table_that_is_held_back_stays_as_it_is_beside_one_that_moves(shop: Shop) -> None:
    shop.connection.execute("create table gold.y as select 1 as a")
    shop.connection.execute("insert into ops.tables values ('gold.y', 1, 1, '', 1, now(), 'run', null, null)")
    shop.publish(gold={"gold.y"})
    before, seen = shop.files(), shop.seen()
    shop.bring("b", [row(99, "2024-02-29")])
    shop.connection.execute("insert into gold.y values (2); update ops.tables set seq = seq + 1")
    assert shop.publish(held=["silver.x"], gold={"gold.y"}).changed == ("gold.y",)
    assert (shop.files(), shop.seen()) == (before, seen)
    assert shop.seen("select a from gold.y order by a") == [(1,), (2,)]
    shop.publish(gold={"gold.y"})
    assert shop.seen() == shop.stored()


def test_a_table_that_left_is_not_seen_and_its_parts_live_with_the_old_state(shop: Shop) -> None:
    shop.connection.execute("create table gold.y as select 1 as a")
    shop.connection.execute("insert into ops.tables values ('gold.y', 1, 1, '', 1, now(), 'run', null, null)")
    shop.publish(gold={"gold.y"})
    with shop.open() as reader:
        assert shop.publish().gone == ("gold.y",)
        assert reader.execute("select a from gold.y").fetchall() == [(1,)]
    with shop.open() as reader, pytest.raises(duckdb.CatalogException):
        reader.execute("select a from gold.y")


def test_small_tables_and_such_that_parquet_would_change_stand_in_the_file(tmp_path: Path) -> None:
    columns = {"id": "bigint", "day": "date", "span": "interval"}
    shop = Shop(tmp_path / "published", columns=columns)
    shop.bring("a", [(n, "2024-01-01", f"-{n} months") for n in range(10)])
    shop.publish()
    assert shop.seen() == shop.stored()
    assert shop.seen("select table_name from duckdb_tables()") == [("x",)]
    assert shop.manifest()["tables"]["silver.x"]["parts"] == []
    small = Shop(tmp_path / "small")
    small.bring("a", [row(1)])
    small.publish()
    assert small.seen("select table_name from duckdb_tables()") == [("x",)]
    assert [name[:3] for name in small.files()] == ["all"]
    small.bring("b", [row(n, MONTHS[n % 4]) for n in range(9)])
    small.publish()
    assert small.seen("select view_name from duckdb_views() where not internal") == [("x",)]
    assert small.seen() == small.stored()


def test_hugeint_is_exact_to_the_last_digit_for_readers(shop: Shop) -> None:
    shop.bring("big", [row(0, big=9007199254740993), row(1, big=-(2**127)), row(2, big=2**127 - 1)])
    shop.publish()
    assert shop.seen() == shop.stored()
    types = "select column_type from (describe silver.x)"
    assert shop.seen(types) == shop.stored(types)


def test_a_folder_of_a_state_holds_its_table_and_nothing_else(shop: Shop) -> None:
    """For pandas, polars and Spark, which read a folder as a whole."""
    shop.bring("b", [row(99, "2024-02-29")])
    shop.publish()
    assert pq.read_table(shop.published / "tables" / "silver.x").num_rows == 13
    assert shop.manifest()["tables"]["silver.x"]["columns"][0] == ["id", "BIGINT"]
    (shop.published / "tables" / "silver.x" / "stray.parquet").write_bytes(b"not of this state")
    assert shop.seen() == shop.stored()


@pytest.fixture
def times() -> Iterator[list[datetime]]:
    """The engine's clock, as its last value says."""
    moments = [datetime(2026, 1, 1, tzinfo=UTC)]
    with clock.told_by(lambda: moments[-1]):
        yield moments


def numbers(shop: Shop) -> list[int]:
    files = sorted(int(path.stem.split("_")[1]) for path in shop.published.glob("lake_*.duckdb"))
    folders = sorted(int(path.name.split("_")[0]) for path in (shop.published / "states").iterdir())
    assert files == folders
    return files


def test_a_state_lives_for_a_day_after_it_was_replaced_and_while_it_is_one_of_the_last_three(
    tmp_path: Path, times: list[datetime]
) -> None:
    shop = Shop(tmp_path / "published")
    for number in range(6):
        times.append(times[-1] + timedelta(hours=1))
        shop.bring("a", [row(n, MONTHS[n % 4], amount=number) for n in range(8)])
        shop.publish()
    assert numbers(shop) == [1, 2, 3, 4, 5, 6]
    times.append(times[-1] + timedelta(hours=20))  # the second state was replaced 23 hours ago, the first a day ago
    shop.publish()
    assert numbers(shop) == [2, 3, 4, 5, 6]
    times.append(times[-1] + timedelta(days=30))
    shop.publish()
    assert numbers(shop) == [4, 5, 6]
    shop.publish(keep_seconds=0)
    assert numbers(shop) == [4, 5, 6]
    assert shop.seen() == shop.stored()


def test_a_reader_whose_state_is_gone_is_told_to_open_the_lake_again(shop: Shop) -> None:
    with shop.open() as reader:
        for number in range(4):
            shop.bring("b", [row(99, "2024-02-29", amount=number)])
            shop.publish(keep_seconds=0)
        with pytest.raises(duckdb.IOException, match=IF_MISSING):
            reader.execute("select count(*) from silver.x")
    assert shop.seen() == shop.stored()


def test_a_part_lives_as_long_as_one_state_lists_it(shop: Shop) -> None:
    march = next(shop.published.glob("states/*/silver.x/2024-03_*"))
    name = march.name
    for number in range(5):
        shop.bring("b", [row(99, "2024-02-29", amount=number)])
        shop.publish(keep_seconds=0)
    there = list(shop.published.glob(f"states/*/silver.x/{name}"))
    assert len(there) == 3
    assert {path.stat().st_nlink for path in there} == {3}
    assert not list(shop.published.glob("states/1_*"))


def test_all_states_of_a_normal_day_take_less_than_two_of_the_tables(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "published")
    shop.tables.put("a", [row(-1)])
    shop.connection.execute(
        "insert into bronze.x select range, make_date(2024, 1 + (range % 8)::int, 1), null, hash(range), range, "
        "null, null, 1 from range(300_000)"
    )
    shop.tables.build()
    shop.publish()
    size = sum(path.stat().st_size for path in (shop.published / "tables" / "silver.x").iterdir())
    assert len(shop.files()) == len(range(8))
    for number in range(3):
        shop.bring("b", [row(10**9 + number, "2024-08-31")])
        shop.publish()
    inodes = {p.stat().st_ino: p.stat().st_size for p in shop.published.rglob("*") if p.is_file()}
    assert sum(inodes.values()) < 2 * size


def test_a_lake_that_was_moved_is_published_again_without_a_part_being_written(shop: Shop, tmp_path: Path) -> None:
    before = shop.files()
    moved = tmp_path / "elsewhere" / "published"
    moved.parent.mkdir()
    shutil.move(shop.published.parent, moved.parent / "x")
    shutil.move(moved.parent / "x" / "published", moved)
    old = str(shop.published.resolve())
    shop.published = moved
    assert moved_from(moved) == old
    with pytest.raises(duckdb.IOException, match=IF_MISSING):
        shop.seen()
    assert shop.publish().changed == ()
    assert moved_from(moved) == ""
    assert shop.files() == before
    assert shop.seen() == shop.stored()


def test_a_part_that_somebody_removed_is_written_again(shop: Shop) -> None:
    next((shop.published / "tables" / "silver.x").glob("2024-03_*")).unlink()
    shop.publish()
    assert shop.seen() == shop.stored()


def test_a_published_file_that_is_broken_is_replaced(shop: Shop) -> None:
    path = (shop.published / "lake.duckdb").resolve()
    path.chmod(0o644)
    path.write_bytes(b"not a database")
    shop.publish()
    assert shop.seen() == shop.stored()


def test_what_an_earlier_version_published_is_taken_over_also_what_is_held_back(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "published")
    shop.bring("a", [row(n, MONTHS[n % 4]) for n in range(8)])
    shop.published.mkdir()
    with duckdb.connect(str(shop.published / "lake_7.duckdb")) as older:
        older.execute(
            f"create schema silver; create table silver.x ({', '.join(f'{n} {k}' for n, k in shop.columns.items())})"
        )
        older.execute("insert into silver.x (id) select range from range(5)")
    (shop.published / "lake.duckdb").symlink_to("lake_7.duckdb")
    shop.connection.execute(
        "insert into ops.publications values (1, now(), 'r', true, [], [{'table_name': 'silver.x', 'seq': 0}])"
    )
    shop.publish(held=["silver.x"])
    assert [value for value, *_ in shop.seen()] == [0, 1, 2, 3, 4]
    assert (shop.published / "lake.duckdb").readlink() == Path("lake_8.duckdb")
    shop.publish()
    assert shop.seen() == shop.stored()


def test_where_there_are_no_hard_links_parts_are_copied(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", refuse)
    before = shop.files()
    shop.bring("b", [row(99, "2024-02-29")])
    shop.publish()
    assert len(before.keys() & shop.files().keys()) == 3
    assert shop.seen() == shop.stored()
    with pytest.raises(FileNotFoundError):
        link_or_copy(shop.published / "none", shop.published / "copy")


STEPS = ("write_manifest", "aside", "point_tables", "sync")


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_leaves_readers_what_they_had_or_the_new_state(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    seen = shop.seen()
    shop.bring("b", [row(99, "2024-02-29")])
    with monkeypatch.context() as patched:

        def fail(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(lake_state, step, fail)
        with pytest.raises(OSError, match="No space"):
            shop.publish()
    assert shop.seen() == (shop.stored() if step == "point_tables" else seen)
    assert [path.name for path in shop.published.glob("states/.*")] == []
    clean_up(shop.published)
    shop.publish()
    assert shop.seen() == shop.stored()
    assert (shop.published / "tables").resolve() == folder_of(shop.published, 2).resolve()
    assert len(numbers(shop)) == 2


def test_a_day_is_the_default(shop: Shop) -> None:
    assert Settings(home=shop.published).state_seconds == DAY
