"""A snapshot that loses too much is held back, whatever the order of arrival, until a person lets it in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.base import clock
from assay.base.warehouse import transaction
from assay.ledger.acceptances import NothingToDecide, let_in, take_back
from assay.ledger.pending import NeedsFiles
from assay.publish.status import empty_snapshots_of_before
from assay.tables.dropping import Drop, drop
from assay.tables.retired import Retired
from tests.source import Source, catalog

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}
DATED: dict[str, Any] = {"load": "snapshot", "newest_by": {"file_date": "d_%Y-%m-%d.csv"}}
IN_FOLDERS: dict[str, Any] = {**DATED, "files": "sales/**/*.csv"}
POSITIVE = "case when id <= 0 then ['positive'] end::varchar[]"


def csv(ids: Iterable[int], name: str = "n") -> str:
    return "id,name\n" + "".join(f"{n},{name}\n" for n in ids)


@pytest.fixture
def source(make: Make) -> Source:
    return make(COLUMNS, verdict=POSITIVE, **DATED)


def silver(source: Source) -> list[tuple[Any, ...]]:
    """The rows that silver is made of."""
    return source.sql(
        f"select id, name from {source.table} where _violations is null "
        f"and _file_id in (select file_id from ops.current_files where source = '{source.name}') order by all"
    )


def ids(source: Source) -> list[int]:
    return [row[0] for row in silver(source)]


def held(source: Source) -> dict[str, str]:
    """Why each file is held back, without the source's folder."""
    rows = source.sql("select path, because from ops.snapshots where state = 'held back' order by path")
    return {path.removeprefix(f"{source.name}/"): because for path, because in rows}


def accept(source: Source, name: str, because: str = "they closed") -> None:
    with transaction(source.connection):
        let_in(source.connection, name, "ada", because)


def undo(source: Source, name: str) -> None:
    with transaction(source.connection):
        take_back(source.connection, name, "ben", "it was not right")


def bronze_seq(source: Source) -> int:
    return int(source.sql(f"select seq from ops.tables where table_name = 'bronze.{source.name}'")[0][0])


def test_a_snapshot_of_nothing_changes_nothing(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.run()
    source.put("d_2024-01-02.csv", "id,name\n")
    source.run()
    assert source.files()["d_2024-01-02.csv"] == "loaded"
    assert len(ids(source)) == 50
    assert held(source) == {"d_2024-01-02.csv": "it has no clean row; all 50 keys of sales/d_2024-01-01.csv would go"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (csv(range(1, 6)), "it lacks 45 of the 50 keys of sales/d_2024-01-01.csv, 90.0%; max_loss is 50.0%"),
        (csv(range(51, 101)), "it lacks 50 of the 50 keys of sales/d_2024-01-01.csv, 100.0%; max_loss is 50.0%"),
        ("id,name\n" + "x,y\n" * 50, "it has no clean row; all 50 keys"),
        (csv(range(-50, 0)), "it has no clean row; all 50 keys"),
        (csv([*range(1, 25), *range(-30, 0)]), "it lacks 26 of the 50 keys"),
        (csv([1] * 50), "it lacks 49 of the 50 keys"),
    ],
    ids=["a tenth", "other keys", "only malformed", "all quarantined", "more than half quarantined", "one key"],
)
def test_keys_of_clean_rows_are_compared_and_not_counts(source: Source, content: str, why: str) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", content)
    source.run()
    assert ids(source) == list(range(1, 51))
    assert held(source)["d_2024-01-02.csv"].startswith(why)


def test_half_may_go_and_one_more_may_not(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv(range(26, 51)))
    source.run()
    assert (len(ids(source)), held(source)) == (25, {})
    source.put("d_2024-01-03.csv", csv(range(39, 51)))
    source.run()
    assert (len(ids(source)), list(held(source))) == (25, ["d_2024-01-03.csv"])


@pytest.mark.parametrize(("max_loss", "is_held"), [(0, True), (0.02, False), (1, False)])
def test_the_contract_says_how_much_may_go(make: Make, max_loss: float, is_held: bool) -> None:
    source = make(COLUMNS, max_loss=max_loss, **DATED)
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv(range(2, 51)))
    source.run()
    assert (len(ids(source)), bool(held(source))) == (50 if is_held else 49, is_held)


def test_an_empty_one_is_held_back_whatever_the_contract_allows_and_the_first_too(make: Make) -> None:
    source = make(COLUMNS, max_loss=1, **DATED)
    source.put("d_2024-01-01.csv", "id,name\n")
    source.run()
    assert (ids(source), held(source)) == ([], {"d_2024-01-01.csv": "it has no clean row"})
    source.put("d_2024-01-02.csv", csv([1]))
    source.run()
    assert (ids(source), held(source)) == ([1], {})


@pytest.mark.parametrize("kind", ["jsonl", "blank jsonl", "parquet"])
def test_what_holds_no_record_in_other_formats_changes_nothing_either(make: Make, tmp_path: Path, kind: str) -> None:
    ending = kind.rsplit(maxsplit=1)[-1]
    source = make(COLUMNS, load="snapshot", newest_by={"file_date": f"d_%Y-%m-%d.{ending}"}, format={"type": ending})
    contents = []
    for count in (3, 0):
        path = tmp_path / f"{count}.parquet"
        rows = f"(select range as id, 'n' as name from range({count}))"
        duckdb.execute(f"copy {rows} to '{path}' (format parquet)")
        lines = "".join(json.dumps({"id": n, "name": "n"}) + "\n" for n in range(count))
        blank = "\n \n" if kind.startswith("blank") else ""
        contents.append(path.read_bytes() if kind == "parquet" else (lines or blank).encode())
    for day, content in enumerate(contents, start=1):
        source.put(f"d_2024-01-0{day}.{ending}", content)
        source.run()
    assert len(ids(source)) == 3
    if kind == "jsonl":
        assert source.reason("d_2024-01-02.jsonl") == "the file is empty"
    else:
        assert list(held(source)) == [f"d_2024-01-02.{ending}"]


def test_a_newer_one_that_keeps_enough_ends_it(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv([1]))
    source.run()
    source.put("d_2024-01-03.csv", csv(range(1, 49)))
    source.run()
    assert (len(ids(source)), held(source)) == (48, {})


def test_the_same_name_sent_again_ends_it_and_a_broken_version_replaces_nothing(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.run()
    for content, count, names in (
        (csv(range(1, 3)), 50, ["d_2024-01-02.csv"]),
        (csv(range(1, 101)), 100, []),
        (csv(range(1, 3)), 100, ["d_2024-01-02.csv"]),
        (csv(range(1, 100)), 99, []),
    ):
        source.put("d_2024-01-02.csv", content)
        source.run()
        assert (len(ids(source)), list(held(source))) == (count, names)


def test_an_accepted_one_counts_those_after_it_are_held_against_it_and_it_can_be_taken_back(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv(range(1, 6)))
    source.put("d_2024-01-03.csv", csv(range(1, 5)))
    source.run()
    assert list(held(source)) == ["d_2024-01-02.csv", "d_2024-01-03.csv"]
    before = bronze_seq(source)
    accept(source, "d_2024-01-02.csv")
    assert bronze_seq(source) > before  # or the services would not see that there is something to do
    source.run()
    assert (ids(source), held(source)) == ([1, 2, 3, 4], {})
    undo(source, "sales/d_2024-01-02.csv")
    source.run()
    assert (len(ids(source)), list(held(source))) == (50, ["d_2024-01-02.csv", "d_2024-01-03.csv"])
    record = "select path, is_accepted, decided_by, because, decided_at is not null from ops.acceptances order by 2"
    assert source.sql(record) == [
        ("sales/d_2024-01-02.csv", False, "ben", "it was not right", True),
        ("sales/d_2024-01-02.csv", True, "ada", "they closed", True),
    ]


def test_an_acceptance_is_of_a_content_and_not_of_a_name(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv(range(1, 6)))
    source.run()
    accept(source, "d_2024-01-02.csv")
    source.run()
    source.put("d_2024-01-02.csv", "id,name\n")
    source.run()
    assert (ids(source), list(held(source))) == ([1, 2, 3, 4, 5], ["d_2024-01-02.csv"])


def test_what_cannot_be_accepted_is_named_with_what_can(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv([1]))
    source.run()
    with pytest.raises(
        NothingToDecide, match=r"'d_2024-01-01\.csv' is not a snapshot that is held back; held back are"
    ):
        accept(source, "d_2024-01-01.csv")
    with pytest.raises(NothingToDecide, match="is not a snapshot that is let in; no snapshot is let in"):
        undo(source, "d_2024-01-02.csv")


@pytest.mark.parametrize("is_swapped", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_two_of_one_moment_are_both_held_back_and_each_names_the_other(
    make: Make, at_once: bool, is_swapped: bool
) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("d_2024-01-01.csv", csv([1, 2, 3]))
    source.run()
    two = [("d_2024-01-02.csv", csv([1, 2, 3, 4])), ("again/d_2024-01-02.csv", csv([1, 2, 3, 5]))]
    for name, content in reversed(two) if is_swapped else two:
        source.put(name, content)
        if not at_once:
            source.run()
    source.run()
    assert ids(source) == [1, 2, 3]
    says = "says the same moment, 2024-01-02 00:00:00, and holds something else: nothing says which is newer"
    assert held(source) == {
        "d_2024-01-02.csv": f"sales/again/d_2024-01-02.csv {says}",
        "again/d_2024-01-02.csv": f"sales/d_2024-01-02.csv {says}",
    }
    accept(source, "sales/d_2024-01-02.csv")
    source.run()
    assert (ids(source), held(source)) == ([1, 2, 3, 4], {})


def test_the_same_content_under_two_names_of_one_moment_is_a_copy(make: Make) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("d_2024-01-02.csv", csv([1, 2]))
    source.put("again/d_2024-01-02.csv", csv([1, 2]))
    source.run()
    assert (ids(source), held(source)) == ([1, 2], {})


def test_a_tie_ends_when_one_of_the_two_is_sent_again_as_the_other_is(make: Make) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("a/d_2024-01-02.csv", csv([1, 2]))
    source.put("b/d_2024-01-02.csv", csv([1, 3]))
    source.run()
    assert (ids(source), len(held(source))) == ([], 2)
    source.put("b/d_2024-01-02.csv", csv([1, 2]))
    source.run()
    assert (ids(source), held(source)) == ([1, 2], {})


FILES = {
    "d_2024-01-01.csv": csv(range(1, 11), "first"),
    "d_2024-01-02.csv": csv(range(1, 5), "bad"),
    "d_2024-01-03.csv": csv([1, 2, 3, 4, 20], "third"),
    "d_2024-01-04.csv": csv([1, 2, 3, 20, 21], "fourth"),
}
BAD = "d_2024-01-02.csv"


@pytest.mark.slow  # many real runs
def test_the_order_of_arrival_and_of_a_decision_does_not_matter(make: Make) -> None:
    """Held against what counts when they arrive, the smallest file would be taken wherever it came first."""
    at_once = make(COLUMNS, **DATED)
    for name, content in FILES.items():
        at_once.put(name, content)
    at_once.run()
    alone = silver(at_once), held(at_once)
    assert (ids(at_once), list(held(at_once))) == (list(range(1, 11)), list(FILES)[1:])
    accept_by_hand(at_once, BAD)
    at_once.run()
    accepted = silver(at_once), held(at_once)
    assert (ids(at_once), held(at_once)) == ([1, 2, 3, 20, 21], {})
    for number, order in enumerate(permutations(FILES)):
        source = make(COLUMNS, **DATED)
        for name in order:
            source.put(name, FILES[name])
            source.run()
            if number % 2 and BAD in held(source):
                accept(source, BAD)
        assert number % 2 or (silver(source), held(source)) == alone, order
        accept_by_hand(source, BAD)
        source.run()
        assert (silver(source), held(source)) == accepted, order


def accept_by_hand(source: Source, name: str) -> None:
    """An acceptance, also of a file that is not held back at the moment."""
    source.connection.execute(
        "insert into ops.acceptances select 99, source, path, file_id, true, 'ada', 'so', now() "
        "from ops.files where path = ?",
        [f"sales/{name}"],
    )


def test_what_one_loses_of_another_is_counted_once(source: Source) -> None:
    for day in range(1, 8):
        source.put(f"d_2024-01-0{day}.csv", csv(range(1, 10 + day)))
        source.run()
    asked = "select before_id, file_id from ops.snapshot_losses order by file_id"
    assert source.sql(asked) == [(day - 1, day) for day in range(1, 8)]
    source.put("d_2023-01-01.csv", csv(range(1, 10)))
    source.run()
    assert source.sql("select before_id, file_id from ops.snapshot_losses where 8 in (before_id, file_id)") == [
        (0, 8),
        (8, 1),
    ]


def test_a_full_refresh_comes_to_the_same_and_keeps_what_was_accepted(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv(range(1, 6)))
    source.put("d_2024-01-03.csv", csv([1]))
    source.run()
    accept(source, "d_2024-01-02.csv")
    source.run()
    before = silver(source), held(source)
    assert before[1]
    source.load(is_full_refresh=True)
    assert (silver(source), held(source)) == before


def test_a_full_refresh_stops_where_it_would_lose_the_version_that_counts(source: Source) -> None:
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.run()
    source.put("d_2024-01-01.csv", csv([1]))
    source.run()
    assert len(ids(source)) == 50
    with pytest.raises(NeedsFiles, match=r"1 are gone from landing or hold something else now: .*d_2024-01-01\.csv"):
        source.load(is_full_refresh=True)
    assert len(ids(source)) == 50


def test_what_a_lake_of_before_shows_is_not_held_back_by_the_upgrade(make: Make) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("d_2024-01-01.csv", csv(range(1, 51)))
    source.put("d_2024-01-02.csv", csv([1], "one"))
    source.put("z/d_2024-01-02.csv", csv([1], "other"))
    source.run()
    source.connection.execute("drop table ops.snapshots; drop table ops.acceptances; drop table ops.snapshot_losses")
    source.connection.close()
    after = Source(source.home, COLUMNS, **source.options)
    assert silver(after) == [(1, "other")]  # as it was picked before, by the name
    after.run()
    assert (silver(after), held(after)) == ([(1, "other")], {})
    after.put("d_2024-01-03.csv", "id,name\n")
    after.run()
    assert (silver(after), list(held(after))) == ([(1, "other")], ["d_2024-01-03.csv"])
    after.connection.close()


def test_a_snapshot_of_nothing_that_an_earlier_version_showed_is_named(make: Make) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("d_2024-01-01.csv", csv(range(1, 5)))
    source.put("d_2024-01-02.csv", "id,name\n")
    source.run()
    source.connection.execute("drop table ops.snapshots; drop table ops.acceptances; drop table ops.snapshot_losses")
    source.connection.close()
    after = Source(source.home, COLUMNS, **source.options)
    after.run()
    assert (silver(after), held(after)) == ([], {})
    assert empty_snapshots_of_before(after.connection) == [("sales", "sales/d_2024-01-02.csv")]
    with transaction(after.connection):
        take_back(after.connection, "d_2024-01-02.csv", "me", "")
    after.run()
    assert len(silver(after)) == 4
    assert empty_snapshots_of_before(after.connection) == []
    after.connection.close()


def test_a_correction_that_ties_does_not_bring_the_corrected_version_back(make: Make) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("d_2024-01-01.csv", csv(range(1, 11)))
    source.put("d_2024-01-02.csv", csv(range(1, 11), "wrong"))
    source.run()
    source.put("d_2024-01-02.csv", csv(range(1, 11), "right"))
    source.run()
    assert {name for _, name in silver(source)} == {"right"}
    source.put("z/d_2024-01-02.csv", csv(range(1, 11), "other"))
    source.run()
    assert {name for _, name in silver(source)}.isdisjoint({"wrong", "right", "other"})
    assert sorted(held(source)) == ["d_2024-01-02.csv", "z/d_2024-01-02.csv"]


def test_a_source_that_was_dropped_leaves_nothing_that_decides_its_snapshots(make: Make) -> None:
    source = make(COLUMNS, **IN_FOLDERS)
    source.put("d_2024-01-01.csv", csv(range(1, 11)))
    source.put("d_2024-01-02.csv", "id,name\n")
    source.run()
    with transaction(source.connection):
        let_in(source.connection, "d_2024-01-02.csv", "me", "it closed")
    drop(source.connection, catalog(), [Drop(Retired("bronze.sales", 10, None, clock.now()), ())])
    for table in ("snapshots", "snapshot_losses", "acceptances"):
        assert source.sql(f"select count(*) from ops.{table}") == [(0,)]
    source.run()
    assert (len(silver(source)), list(held(source))) == (10, ["d_2024-01-02.csv"])
