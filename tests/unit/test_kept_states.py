"""States are named by what readers see, by number, time or folder, and are read wherever their files are now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from assay.cli.diff_report import Comparison, as_json, as_markdown, show, without_hidden
from assay.contract.catalog import Catalog
from assay.contract.masking import hidden_columns
from assay.contract.personal import MASKED
from assay.publish import lake_state, part_files
from assay.publish.compared_values import Pair
from assay.publish.diff import TableDiff, Wish, compare
from assay.publish.kept_states import KeptState, NoSuchState, kept_state, shared_parts
from assay.publish.states import folder_of
from assay.publish.table_diff import DIFFERING, ONLY_B, Example, RowDiff
from tests.readers import Shop, row

MONTHS = ("2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15")
WISH = Wish({"silver.x": ("id",)})
HOSTILE = "a|b`c\n<b>\x1b[31m@you"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three states: four months, a row that changes in one, a row that comes in another."""
    shop = Shop(tmp_path_factory.mktemp("shop") / "a lake's [x] home" / "published")
    with patch.multiple(part_files, ROWS=1, MOST=8), patch.object(lake_state, "NATIVE_ROWS", 4):
        shop.bring("a", [row(number * 10 + n, day) for number, day in enumerate(MONTHS) for n in range(3)])
        shop.publish()
        shop.bring("b", [row(11, MONTHS[1], amount=7, big=2**100)])
        shop.publish()
        shop.bring("c", [row(99, MONTHS[3])])
        shop.publish()
    shop.connection.close()
    return shop.published


@pytest.fixture
def moved(published: Path, tmp_path: Path) -> Path:
    """These states in another place, to be changed."""
    return shutil.copytree(published, tmp_path / "moved", symlinks=True)


def between(a: KeptState, b: KeptState, wish: Wish = WISH) -> TableDiff:
    with duckdb.connect() as connection:
        [diff] = compare(connection, a, b, wish)
    return diff


def test_a_state_has_many_names(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = published.parent
    moment = kept_state("published~1", published)
    assert moment.number == 2
    third = ("published", str(published), str(lake), f"{lake}/", f"{lake}/published/states/3", "published/states/3")
    assert {kept_state(name, published).number for name in third} == {3}
    second = (f"{lake}~1", f"{published}~1", str(folder_of(published, 2)), "published/states/2")
    assert {kept_state(name, published).number for name in second} == {2}
    monkeypatch.chdir(lake)
    elsewhere = lake / "elsewhere"
    assert kept_state("./published~2", elsewhere).number == 1
    assert kept_state("published@2999-01-01", published).number == 3
    monkeypatch.chdir(published)
    assert kept_state(".", elsewhere).number == 3


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("published~9", "there is no state 9 before what readers see; there are 1 of 20"),
        ("published/states/9", "state 9 is not in"),
        ("published@1999-01-01T00:00", "the state that readers saw then is not kept; there are 1 of"),
        ("published@noon", "'noon' is no time; expected one such as"),
        ("nowhere", "there is no folder nowhere; expected the folder of a lake, or published, published~1"),
        ("nowhere~1", "there is no folder nowhere"),
        ("/", "nothing is published in /; expected the folder of a lake after its first run"),
    ],
)
def test_a_name_of_nothing_says_what_there_is(published: Path, name: str, why: str) -> None:
    with pytest.raises(NoSuchState) as refused:
        kept_state(name, published)
    assert why in str(refused.value)


def test_only_what_a_run_wrote_is_read(published: Path) -> None:
    before, after = (kept_state(name, published) for name in ("published~2", "published~1"))
    shared, _ = shared_parts(before, after, "silver.x")
    assert [path.name[:7] for path in sorted(shared)] == ["2024-01", "2024-03", "2024-04"]
    diff = between(before, after)
    assert (diff.rows_a, diff.rows_b, diff.rows.only_a, diff.rows.only_b, diff.rows.differing) == (12, 12, 0, 0, 1)
    assert diff.changed_columns == {"amount": 1, "big": 1}
    [example] = diff.rows.examples
    assert (example.a[0], example.b[3:5]) == ("11", (str(2**100), "7"))
    assert diff.left_out == ("_file_id",)
    assert between(after, after).is_same


def test_a_state_is_read_where_its_file_is_gone_and_where_its_lake_has_moved(moved: Path) -> None:
    (moved / "lake_1.duckdb").unlink()
    first, last = (kept_state(name, moved) for name in ("published~2", "published"))
    diff = between(first, last)
    assert (diff.rows.only_a, diff.rows.only_b, diff.rows.differing) == (0, 1, 1)


def test_a_part_of_the_same_name_in_another_lake_is_read(published: Path, moved: Path) -> None:
    here, there = kept_state("published", published), kept_state("published", moved)
    assert between(here, there).is_same
    part = there.parts("silver.x")[0]
    part.unlink()
    rows = duckdb.read_parquet(str(here.parts("silver.x")[0]).replace("[x]", "[[]x]"))
    rows.select("* replace (amount + 1 as amount)").write_parquet(str(part))
    assert between(here, there).changed_columns == {"amount": 3}


def test_a_state_without_a_part_is_not_compared(moved: Path) -> None:
    kept_state("published~1", moved).parts("silver.x")[0].unlink()
    with pytest.raises(NoSuchState, match=r"parts of silver\.x are missing in"):
        kept_state("published~1", moved)


def test_a_state_that_an_older_version_published_is_read_from_its_file(moved: Path) -> None:
    state = kept_state("published~1", moved)
    with duckdb.connect(str(moved / "lake_8.duckdb")) as old:
        paths = [str(path) for path in kept_state("published", moved).parts("silver.x")]
        old.execute("create schema silver")
        old.execute("create table silver.x as select * exclude (day) from read_parquet(?)", [paths])
        old.execute("alter table silver.x alter big type hugeint")
    diff = between(state, KeptState("old", moved, 8, None))
    assert (diff.columns_only_a, diff.columns_only_b) == ((("day", "DATE"),), ())
    assert (diff.rows.only_b, diff.rows.differing, diff.is_same) == (1, 0, False)


def test_a_key_that_is_missing_or_not_unique_makes_whole_rows_count(published: Path) -> None:
    states = [kept_state(name, published) for name in ("published~1", "published")]
    without = between(*states, Wish({}))
    assert (without.key, without.without_key, without.rows.only_b) == ((), "it has no key", 1)
    missing = between(*states, Wish({"silver.x": ("id", "store")}))
    assert missing.without_key == "its key (store) is not in both"
    twice = between(*states, Wish({"silver.x": ("amount",)}))
    assert (twice.without_key, twice.rows.only_b) == ("its key (amount) is not unique", 1)


def catalog(**columns: bool) -> Catalog:
    described = {name: {"name": name, "config": {"meta": {"personal": hidden}}} for name, hidden in columns.items()}
    node = {"columns": described, "depends_on": {"nodes": []}}
    return Catalog({"nodes": {}}, {"silver_x": node, "bronze_x": node})


def test_what_is_about_people_is_masked() -> None:
    diff = TableDiff(
        "silver.x", 1, 2, compared=("id", "email", "new"), key=("id",),
        rows=RowDiff(0, 1, 1, (0, 1, 1), (
            Example(DIFFERING, ("1", "a@b.c", "x"), ("1", None, "y")), Example(ONLY_B, (), ("2", "d@e.f", "z")),
        )),
    )  # fmt: skip
    shown = without_hidden(catalog(id=False, email=True), diff)
    assert [(example.a, example.b) for example in shown.rows.examples] == [
        (("1", MASKED, MASKED), ("1", None, MASKED)),
        ((), ("2", MASKED, MASKED)),
    ]
    unknown = hidden_columns(Catalog({}, {}), "gold.other", ["id"])
    assert unknown == {"id"}
    assert hidden_columns(catalog(id=False), "quarantine.x", ["record", "line"]) == frozenset()
    assert hidden_columns(catalog(email=True), "quarantine.x", ["record", "line"]) == {"record", "reasons"}


def test_names_and_values_are_no_marks(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff = TableDiff(
        f"gold.{HOSTILE}", 2, 2, (), ((HOSTILE, "DATE"),), (Pair("n", "INTEGER", "DATE"),), ("id", HOSTILE, "n"),
        key=("id",), rows=RowDiff(0, 0, 1, (0, 1, 0), (Example(DIFFERING, ("[/]", HOSTILE, "1"), ("[/]", "", "1")),)),
    )  # fmt: skip
    state = kept_state("published", published)
    comparison = Comparison(state, state, [diff])
    markdown = as_markdown(comparison)
    assert "\x1b" not in markdown
    [cells] = [line for line in markdown.splitlines() if line.startswith("| ``gold.")]
    assert cells.replace("\\|", "").count("|") == 8
    assert json.loads(as_json(comparison))["tables"][0]["examples"][0]["a"][HOSTILE] == HOSTILE
    show(comparison, "table")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert r"differs: id = [/]: a|b`c\n<b>\x1b[31m@you" in printed


def test_long_values_are_cut_where_they_differ(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = kept_state("published", published)
    a, b = f"{'x' * 500}same 1 tail", f"{'x' * 500}same 2 tail"
    example = Example(DIFFERING, ("1", a), ("1", b))
    rows = RowDiff(0, 0, 1, (0, 1), (example,))
    show(Comparison(state, state, [TableDiff("gold.t", 1, 1, compared=("id", "v"), key=("id",), rows=rows)]), "table")
    assert "v …xxxxxxxxxxsame 1 tail → …xxxxxxxxxxsame 2 tail" in capsys.readouterr().out
