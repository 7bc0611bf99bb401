"""`load: changes`: silver mirrors the table whose changes land, and no change gets lost in silence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from assay.base.warehouse import transaction
from assay.checks import conservation
from assay.checks.kept_counts import compare, correct
from assay.tables.dropping import _drop_source, _drop_table
from tests.changes import SCHEMA, Mirror, batch, change, position

SNAPSHOT = [change("snapshot", 1, id=key, name="tea", body="long", price=20) for key in (1, 2, 3)]
ALL = [(1, "tea", "long", 20), (2, "tea", "long", 20), (3, "tea", "long", 20)]
FIRST, SECOND = batch(None, 10), batch(10, 20)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    """A source without files."""
    made = Mirror(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a source of three rows, which a snapshot brought."""
    made = Mirror(tmp_path_factory.mktemp("snapshot") / "home")
    made.put(FIRST, SNAPSHOT)
    made.run()
    assert made.rows() == ALL
    made.close()
    return made.home


@pytest.fixture
def begun(snapshot: Path, tmp_path: Path) -> Iterator[Mirror]:
    """A source of three rows of its own."""
    made = Mirror(Path(shutil.copytree(snapshot, tmp_path / "home")), runs=1)
    yield made
    made.close()


def held(mirror: Mirror) -> list[tuple[object, ...]]:
    return mirror.sql("select position, reasons from ops.held_changes order by all")


def test_inserts_updates_deletes_and_changes_of_the_key_are_mirrored(begun: Mirror) -> None:
    moved = [change("delete", 13, id=3), change("insert", 14, id=30, name="tea", body="long", price=20)]
    updated = change("update", 11, id=1, name="mint", body="new", price=30)
    begun.put(SECOND, [updated, change("delete", 12, id=2), *moved])
    begun.run()
    assert begun.rows() == [(1, "mint", "new", 30), (30, "tea", "long", 20)]
    counts = begun.counts()
    assert (counts.rows_bronze, counts.rows_silver, counts.rows_superseded, counts.rows_quarantined) == (7, 2, 5, 0)
    assert begun.sql("select changed_keys from ops.rebuilds where table_name = 'silver.orders'") == [(4,)]


def test_a_change_without_a_known_operation_or_a_position_is_malformed(mirror: Mirror) -> None:
    row = {"id": 1, "name": "tea", "body": "long", "price": 20}
    wrong = [change("upsert", 1, **row), {**change("insert", 2, **row), "_operation": None}]
    wrong += [{**change("insert", 3, **row), "_position": None}, {**change("insert", 4, **row), "_position": ""}]
    mirror.put(FIRST, [*wrong, change("insert", 5, **row)])
    numbers = SCHEMA.set(SCHEMA.get_field_index("_position"), pa.field("_position", pa.int64()))
    mirror.put(SECOND, [{**change("insert", 6, **row), "_position": 6}], schema=numbers)
    mirror.run()
    assert mirror.rows() == [(1, "tea", "long", 20)]
    assert mirror.sql("select reasons[1] from ops.malformed order by file_id, line") == [
        ("_operation: 'upsert' is not one of snapshot, insert, update, delete, truncate",),
        ("_operation: is missing",),
        ("_position: is missing",),
        ("_position: is missing",),
        ("_position: '6' is not a text, whose bytes are the order of changes",),
    ]


@pytest.mark.slow
def test_a_file_says_operations_and_positions_and_may_leave_out_the_rest(mirror: Mirror) -> None:
    lean = pa.schema([field for field in SCHEMA if field.name not in ("_before", "_unchanged", "_source_time")])
    mirror.put(FIRST, SNAPSHOT, schema=lean)
    mirror.put(SECOND, SNAPSHOT, schema=lean.remove(lean.get_field_index("_operation")))
    mirror.run()
    assert mirror.rows() == ALL
    reasons = [reason for (reason,) in mirror.sql("select reason from ops.files where status = 'refused'")]
    assert len(reasons) == 1
    assert "_operation" in reasons[0]


@pytest.mark.slow
def test_a_delete_is_judged_by_its_key_alone(begun: Mirror) -> None:
    begun.put(SECOND, [change("delete", 11, id=2), change("delete", 12), change("truncate", 9)])
    begun.run()
    assert begun.sql("select _operation, _violations from bronze.orders where _file_id = 2 order by _position") == [
        ("truncate", None),
        ("delete", None),
        ("delete", ["id_not_null"]),
    ]
    assert begun.rows() == []


@pytest.mark.slow
def test_values_that_did_not_change_come_from_the_newest_earlier_row_that_has_them(mirror: Mirror) -> None:
    """In any order of arrival, over files and over a snapshot; a value that became NULL is one."""
    mirror.put(batch(30, 40), [change("update", 31, id=1, name="late", price=50, _unchanged=["body"])])
    mirror.run()
    assert mirror.rows() == []
    assert held(mirror) == [(position(31), ["body: is unchanged, and in no earlier row"])]
    mirror.put(FIRST, SNAPSHOT)
    mirror.run()
    assert mirror.rows() == [(1, "late", "long", 50), *ALL[1:]]
    assert held(mirror) == []
    mirror.put(batch(20, 30), [change("update", 21, id=1, body="newer", price=40, _unchanged=["name"])])
    mirror.put(batch(40, 50), [change("update", 41, id=1, price=60, name=None, _unchanged=["body"])])
    mirror.put(batch(50, 60), [change("update", 51, id=1, price=70, _unchanged=["body", "name"])])
    mirror.run()
    assert mirror.rows() == [(1, None, "newer", 70), *ALL[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("cut", ["delete", "truncate", "snapshot"])
def test_nothing_is_completed_across_a_delete_a_truncate_or_an_epoch(begun: Mirror, cut: str) -> None:
    later = change("update", 30, id=1, name="x", price=20, _unchanged=["body"])
    cuts = {"delete": [change("delete", 20, id=1)], "truncate": [change("truncate", 20)], "snapshot": []}
    begun.put(batch(10, 40, 1), [*cuts[cut], *([later] if cut != "snapshot" else [])])
    if cut == "snapshot":
        begun.put(batch(None, 5, 2), [later])
    begun.run()
    assert begun.rows() == (ALL[1:] if cut == "delete" else [])
    assert held(begun) == [(position(30), ["body: is unchanged, and in no earlier row"])]


def test_a_completed_row_is_judged_as_a_whole(begun: Mirror) -> None:
    """An update without its body is not one without a body; and one that completes a wrong row is as wrong."""
    wrong = change("update", 11, id=1, name="mint", body=None, price=30)
    begun.put(SECOND, [wrong, change("update", 12, id=1, name="basil", price=30, _unchanged=["body"])])
    begun.run()
    assert begun.rows() == ALL
    assert held(begun) == [(position(12), ["body_not_null"])]
    counts = begun.counts()
    assert (counts.rows_quarantined, counts.rows_superseded, counts.rows_silver) == (2, 0, 3)
    begun.put(batch(20, 30), [change("update", 21, id=1, name="", price=5, body="there")])
    begun.put(batch(30, 40), [change("update", 31, id=1, name="oregano", price=5, _unchanged=["body"])])
    begun.run()
    assert begun.rows() == [(1, "oregano", "there", 5), *ALL[1:]]
    assert begun.counts().rows_quarantined == 3


@pytest.mark.slow
def test_an_older_row_stays_where_the_newer_one_is_quarantined_and_a_delete_takes_it_out(begun: Mirror) -> None:
    begun.put(SECOND, [change("update", 11, id=1, name="mint", body="new", price=-1)])
    begun.run()
    assert begun.rows() == ALL
    begun.put(batch(20, 30), [change("delete", 21, id=1), change("insert", 22, id=1, name="x", body="y", price=-2)])
    begun.run()
    assert begun.rows() == ALL[1:]
    assert begun.counts().rows_quarantined == 2


@pytest.mark.slow
def test_a_truncate_takes_out_what_stands_before_it_whenever_that_arrives(begun: Mirror) -> None:
    begun.put(batch(30, 40), [change("insert", 31, id=9, name="new", body="b", price=20)])
    begun.put(batch(20, 30), [change("truncate", 25)])
    begun.run()
    assert begun.rows() == [(9, "new", "b", 20)]
    begun.put(batch(10, 20), [change("insert", 11, id=4, name="old", body="b", price=20)])
    begun.run()
    assert begun.rows() == [(9, "new", "b", 20)]
    assert begun.counts().rows_superseded == 5


def test_the_snapshot_of_a_later_epoch_takes_the_place_of_all_before_it(begun: Mirror) -> None:
    """After a restore of the source positions are smaller than those that were read."""
    begun.put(batch(10, 90), [change("update", 80, id=1, name="lost", body="b", price=20)])
    begun.put(batch(3, 5, 2), [change("update", 4, id=1, name="mint", body="b", price=20)])
    begun.run()
    assert begun.rows() == [(1, "mint", "b", 20), *ALL[1:]], "there is no snapshot of it yet"
    begun.put(batch(None, 3, 2), [change("snapshot", 2, id=key, name="tea", body="b", price=20) for key in (1, 3)])
    begun.run()
    assert begun.rows() == [(1, "mint", "b", 20), (3, "tea", "b", 20)]
    begun.put(batch(None, 3, 3), [])
    begun.run()
    assert begun.rows() == [], "the table was empty when it was read"
    assert {row[-1] for row in begun.versions()} == {"update", "snapshot"}
    assert all(row[-2] is not None for row in begun.versions())


@pytest.mark.slow
def test_the_same_change_twice_is_a_duplicate(begun: Mirror) -> None:
    again = change("update", 11, id=1, name="mint", body="new", price=30)
    begun.put(SECOND, [again, again, {**again, "price": 29}])
    begun.run()
    assert begun.rows() == [(1, "mint", "new", 30), *ALL[1:]]
    counts = begun.counts()
    assert (counts.duplicates_identical, counts.duplicates_conflicting, counts.rows_superseded) == (1, 1, 1)


@pytest.mark.slow
def test_another_version_of_a_file_takes_its_changes_back(begun: Mirror) -> None:
    begun.put(SECOND, [change("truncate", 12), change("insert", 13, id=7, name="tea", body="b", price=20)])
    begun.run()
    assert begun.rows() == [(7, "tea", "b", 20)]
    begun.put(SECOND, [change("delete", 12, id=2)])
    begun.run()
    assert begun.rows() == [ALL[0], ALL[2]]


@pytest.mark.slow
def test_changed_rules_judge_completed_rows_too(begun: Mirror) -> None:
    begun.put(SECOND, [change("update", 11, id=1, name="basil", price=30, _unchanged=["body"])])
    begun.run()
    assert begun.rows()[0] == (1, "basil", "long", 30)
    begun.rules["body_is_short"] = "len(body) < 4 or name = 'tea'"
    begun.run()
    assert begun.rows() == ALL
    assert held(begun) == [(position(11), ["body_is_short"])]
    del begun.rules["body_is_short"]
    begun.run()
    assert begun.rows()[0] == (1, "basil", "long", 30)


@pytest.mark.slow
def test_versions_say_from_when_to_when_a_row_was_there(begun: Mirror) -> None:
    begun.put(SECOND, [change("update", 11, id=1, name="mint", price=30, _unchanged=["body"])])
    begun.put(batch(20, 30), [change("delete", 21, id=1), change("insert", 22, id=1, name="b", body="b", price=20)])
    begun.put(batch(30, 40), [change("truncate", 31)])
    begun.run()
    told = "id, name, body, _operation, epoch(_valid_from)::int % 60, epoch(_valid_to)::int % 60, _ended_by"
    versions = begun.sql(f"select {told} from silver.orders_history where id = 1 order by _position")
    assert versions == [
        (1, "tea", "long", "snapshot", 1, 11, "update"),
        (1, "mint", "long", "update", 11, 21, "delete"),
        (1, "b", "b", "insert", 22, 31, "truncate"),
    ]


@pytest.mark.slow
def test_a_recount_by_hand_puts_the_counts_of_changes_right(begun: Mirror) -> None:
    begun.put(SECOND, [change("delete", 11, id=1), change("update", 12, id=2, price=-1, _unchanged=["body", "name"])])
    begun.run()
    begun.sql("update ops.table_counts set rows_superseded = 9, rows_held = 9 where table_name = 'silver.orders'")
    begun.sql("delete from superseded.silver_orders")
    assert not begun.counts().is_conserved
    correction = compare(begun.connection, begun.contract, "silver.orders")
    assert [(term["term"], term["kept"], term["counted"]) for term in correction.terms] == [
        ("rows_quarantined", 9, 1),
        ("rows_superseded", 9, 2),
    ]
    correct(begun.connection, begun.contract, "silver.orders", correction, "restored", "ada")
    begun.assert_conserved()
    begun.put(batch(20, 30), [change("insert", 21, id=1, name="x", body="y", price=20)])
    begun.run()


@pytest.mark.slow
def test_a_lost_row_of_silver_is_noticed(begun: Mirror) -> None:
    begun.sql("delete from silver.orders where id = 2")
    counted = conservation.count(begun.connection, begun.contract, "silver.orders")
    assert not counted.is_conserved


@pytest.mark.slow
def test_a_source_that_is_dropped_leaves_nothing_behind(begun: Mirror) -> None:
    begun.put(SECOND, [change("truncate", 11), change("update", 12, id=2, price=-1, _unchanged=["body", "name"])])
    begun.run()
    with transaction(begun.connection):
        _drop_source(begun.connection, "orders")
        for table in ("bronze.orders", "silver.orders", "silver.orders_history"):
            _drop_table(begun.connection, table)
    assert (
        begun.sql("select count(*) from ops.held_changes")
        == begun.sql("select count(*) from ops.change_cuts")
        == [(0,)]
    )
    assert begun.sql("select count(*) from duckdb_tables() where schema_name = 'superseded'") == [(0,)]


@pytest.mark.slow
def test_by_hand_all_files_are_of_one_epoch_unless_their_paths_say_it(tmp_path: Path) -> None:
    by_hand = Mirror(tmp_path / "one", files="orders/*.parquet")
    by_hand.put("orders/2.parquet", [change("delete", 9, id=1)])
    by_hand.put("orders/1.parquet", SNAPSHOT)
    by_hand.run()
    assert by_hand.rows() == ALL[1:]
    by_hand.close()
    folders = Mirror(tmp_path / "two", files="orders/{_epoch}/*.parquet")
    folders.put("orders/7/a.parquet", [change("insert", 90, id=9, name="x", body="y", price=20)])
    folders.put("orders/8/a.parquet", SNAPSHOT)
    folders.run()
    assert folders.rows() == ALL
    folders.close()
