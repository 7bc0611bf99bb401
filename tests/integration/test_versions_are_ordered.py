"""Rows of one key that the moments in file names do not order fail a check that names the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.checks.ties import Ties, find_ties
from assay.checks.validity import still_valid
from assay.contract.catalog import Catalog
from assay.contract.names import quoted
from assay.contract.rebuild_key import Input, RebuildKey
from assay.ledger.check_definition import definition
from assay.orchestration.checks import run_check
from assay.orchestration.instance import open_instance
from assay.publish.run_session import open_session
from tests.house import House
from tests.lab import Lab, copy_project, edit, everything, product, products_jsonl
from tests.processes import finish, start
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "double"}
EVENTS: dict[str, Any] = {"newest_by": {"file_date": "d_%Y-%m-%d.csv"}, "files": "sales/**/*.csv"}
GOOD = "case when id <= 0 then ['positive'] end::varchar[]"
HEAD = "id,name,price\n"
FIRST, SECOND = "a/d_2024-01-02.csv", "b/d_2024-01-02.csv"


@pytest.fixture
def source(make: Make) -> Source:
    return make(COLUMNS, verdict=GOOD, **EVENTS)


def ties(source: Source, key: str = "id") -> tuple[Ties, Ties]:
    """Ties between files and within one, of a silver table as the macro `newest_rows` counts its duplicates."""
    source.run()
    contract = source.contract
    source.connection.execute(
        f"create or replace table silver.sales as "
        f"select {quoted(contract.key[0])} as {quoted(key)}, count(*) - 1 as _duplicates_conflicting "
        f"from {source.table} where _violations is null "
        "and _file_id in (select file_id from ops.current_files where source = 'sales') group by 1"
    )
    redo = RebuildKey((key,), (Input("bronze_sales", (quoted(contract.key[0]),)),))
    between, within, _ = find_ties(source.connection, contract, "silver.sales", redo)
    return between, within


def keys_and_files(result: Ties) -> list[tuple[object, list[str]]]:
    """The value of the first key column, and the files without the source's folder."""
    return [(next(iter(t.key.values())), [path.removeprefix("sales/") for path in t.paths]) for t in result.first]


@pytest.mark.parametrize(
    ("rows", "other"),
    [
        ("1,n,2\n", "1,m,2\n"),
        ("1,n,2\n", "1,,2\n"),
        ("1,n,2\n", "1,n,\n"),
        ("1,n,2\n2,n,1\n", "1,n,2.5\n3,n,1\n"),
    ],
    ids=["a text", "a NULL", "another NULL", "a number among others"],
)
def test_rows_that_differ_in_two_files_of_one_moment_are_a_tie_that_names_both(
    source: Source, rows: str, other: str
) -> None:
    source.put("d_2024-01-01.csv", HEAD + "1,old,0\n")
    source.put(FIRST, HEAD + rows)
    source.put(SECOND, HEAD + other)
    between, within = ties(source)
    assert (between.keys, keys_and_files(between), within.keys) == (1, [(1, [FIRST, SECOND])], 0)
    assert str(between.first[0].moment) == "2024-01-02 00:00:00"


@pytest.mark.parametrize(
    ("rows", "other"),
    [
        ("1,n,2\n", "1,n,2.0\n2,n,1\n"),
        ("1,,\n", "1,,\n2,n,1\n"),
        ("1,n,0.0\n", "1,n,-0.0\n2,n,1\n"),
        ("1,n,2\n", "-1,m,2\n2,n,1\n"),
    ],
    ids=["numbers", "NULLs", "zeros", "a row that breaks a rule"],
)
def test_rows_that_say_the_same_and_rows_that_do_not_count_are_no_tie(source: Source, rows: str, other: str) -> None:
    source.put("d_2024-01-01.csv", HEAD + "1,old,0\n")
    source.put(FIRST, HEAD + rows)
    source.put(SECOND, HEAD + other)
    assert ties(source) == (Ties(), Ties())


@pytest.mark.parametrize(("price", "is_tied"), [(99, False), (2, True)])
def test_not_a_number_is_a_value_as_any_other(source: Source, price: int, is_tied: bool) -> None:
    source.put(FIRST, HEAD + "1,n,99\n")
    source.put(SECOND, HEAD + f"1,n,{price}\n2,n,1\n")
    source.run()
    source.connection.execute(f"update {source.table} set price = 'NaN' where price = 99")
    assert bool(ties(source)[0].keys) is is_tied


def test_a_tie_of_an_older_moment_is_none_and_a_newer_file_ends_one(source: Source) -> None:
    source.put(FIRST, HEAD + "1,n,2\n2,n,1\n")
    source.put(SECOND, HEAD + "1,m,2\n2,m,1\n")
    assert keys_and_files(ties(source)[0]) == [(1, [FIRST, SECOND]), (2, [FIRST, SECOND])]
    source.put("d_2024-01-03.csv", HEAD + "1,m,2\n")
    assert keys_and_files(ties(source)[0]) == [(2, [FIRST, SECOND])]


def test_a_file_that_is_sent_again_under_its_name_ends_a_tie(source: Source) -> None:
    source.put(FIRST, HEAD + "1,n,2\n")
    source.put(SECOND, HEAD + "1,m,2\n")
    assert ties(source)[0].keys == 1
    source.put(SECOND, HEAD + "1,n,2\n3,n,1\n")
    assert ties(source) == (Ties(), Ties())


def test_rows_that_differ_within_one_file_are_told_with_its_one_name(source: Source) -> None:
    source.put(FIRST, HEAD + "1,n,2\n1,m,2\n2,n,1\n2,n,1\n3,n,1\n")
    source.put(SECOND, HEAD + "3,m,1\n")
    between, within = ties(source)
    assert (keys_and_files(between), keys_and_files(within)) == ([(3, [FIRST, SECOND])], [(1, [FIRST])])


def test_what_was_rescued_is_part_of_what_a_row_says_and_its_order_is_not(source: Source) -> None:
    source.put(FIRST, "id,name,price,x,y~/\n1,n,2,7,8\n2,n,1,7,8\n")
    source.put(SECOND, "id,name,price,y~/,x\n1,n,2,8,7\n2,n,1,9,7\n")
    assert keys_and_files(ties(source)[0]) == [(2, [FIRST, SECOND])]


def test_all_ties_are_counted_and_the_first_are_shown(source: Source) -> None:
    source.put(FIRST, HEAD + "".join(f"{n},n,1\n" for n in range(1, 21)))
    source.put(SECOND, HEAD + "".join(f"{n},m,1\n" for n in range(1, 21)))
    between, _ = ties(source)
    assert (between.keys, [n for n, _ in keys_and_files(between)]) == (20, [1, 2, 3, 4, 5])


@pytest.mark.parametrize("name", ["file_id", "path", 'a "key"', "clean", "order"])
def test_a_key_may_be_called_anything_and_silver_may_call_it_otherwise(make: Make, name: str) -> None:
    source = make({name: "varchar", "select": "varchar"}, **EVENTS)
    head = '"' + name.replace('"', '""') + '",select\n'
    source.put(FIRST, head + "k,n\n")
    source.put(SECOND, head + "k,m\n")
    between, _ = ties(source, key="a 'key' of silver")
    assert keys_and_files(between) == [("k", [FIRST, SECOND])]
    assert list(between.first[0].key) == [name]


ROW, OTHER = product(), product(department="BAKERY")


def events_project(folder: Path, *more: tuple[str, str]) -> Path:
    """Products as events of which the newest file wins."""
    project = copy_project(folder)
    bronze = project / "models" / "bronze" / "bronze_products.yml"
    edit(bronze, ('"products/*', '"products/**/*'), ("load: snapshot", "load: events"), *more)
    return project


def put(lab: Lab, folder: str, *rows: Any) -> None:
    lab.put(f"products/{folder}/products_2017-01-02.jsonl.gz", products_jsonl(rows))


@pytest.mark.slow  # real runs
def test_a_tie_holds_readers_back_until_it_is_resolved_and_is_one_incident(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", dbt_project=events_project(tmp_path))
    with open_instance(lab.settings) as instance:
        house = House(lab, instance)
        lab.products("2017-01-01", [ROW])
        put(lab, "a", ROW)
        lab.good_run()
        before = everything(lab)
        put(lab, "b", OTHER, product(product_id=11))

        outcome = lab.run()

        [failure] = outcome.failures
        assert failure.startswith(
            "check versions_are_ordered of silver.products: files_of_one_moment_agree: expected no key with different "
            "rows in the newest files that hold it, found 1, such as product_id = 10 in "
            "products/a/products_2017-01-02.jsonl.gz, products/b/products_2017-01-02.jsonl.gz of 2017-01-02 00:00:00"
        )
        for way in ("a corrected file", "one of a newer moment", "file_date", "newest_by", "{severity: warn, because"):
            assert way in failure
        assert everything(lab) == before
        assert any("versions_are_ordered failed" in reason for reason in lab.status()["held_back"]["because"])
        assert house.tick() == "1 open: failed_check silver.products versions_are_ordered"
        assert "products/b/products_2017-01-02.jsonl.gz" in house.rows()[0]["problem"]
        code, shown = finish(start(lab.settings, "check", "--select", "silver.products"))
        assert (code, "FAIL silver.products versions_are_ordered: files_of_one_moment_agree" in shown) == (1, True)

        put(lab, "b", ROW, product(product_id=11))
        lab.good_run()
        assert lab.status()["held_back"] is None
        assert lab.rows("select product_id, department from silver.products order by all") == [
            (10, "GROCERY"),
            (11, "GROCERY"),
        ]
        assert house.tick() == "nothing is wrong"


@pytest.mark.slow  # real runs
def test_a_yml_that_gives_a_reason_lets_the_greatest_values_win(tmp_path: Path) -> None:
    project = events_project(tmp_path)
    lab = Lab(tmp_path / "lake", dbt_project=project)
    put(lab, "a", ROW)
    put(lab, "b", OTHER)
    assert not lab.run().success
    level = "{severity: warn, because: Both stores mean the same.}"
    silver = project / "models" / "silver" / "silver_products.yml"
    edit(silver, ("          rules:\n", f"          rules:\n            files_of_one_moment_agree: {level}\n"))
    lab = Lab(tmp_path / "lake", dbt_project=project)
    lab.good_run()
    assert lab.status()["held_back"] is None
    query = "select verdict from ops.checks where check_name = 'versions_are_ordered' order by check_id"
    assert lab.rows(query) == [("fail",), ("warn",)]


@pytest.mark.slow  # real runs
def test_a_pass_stands_and_a_file_that_contradicts_itself_fails_until_a_newer_one_comes(tmp_path: Path) -> None:
    description = "description: The number that tills scan."
    personal = (description, f"{description}\n        config: {{meta: {{personal: true}}}}")
    lab = Lab(tmp_path / "lake", dbt_project=events_project(tmp_path, personal))
    put(lab, "a", ROW)
    put(lab, "b", ROW, product(product_id=11))
    lab.good_run()
    catalog = Catalog.read(lab.settings.dbt_project)
    check = ("silver.products", "versions_are_ordered")
    with open_session(lab.settings, catalog, "check") as lake:
        assert check in still_valid(lake.connection, {check: definition(catalog, *check)})
        lake.connection.execute("update silver.products set _duplicates_conflicting = 1 where product_id = 10")
        assert run_check(lake, *check).passed  # bronze decides; silver only says where to look
        lake.connection.execute("update silver.products set _duplicates_conflicting = 0")
    put(lab, "b", ROW, product(product_id=11), product(product_id=11, brand="Private"))
    [failure] = lab.run().failures
    assert "rows_of_one_file_agree: expected no key with different rows in one file, found 1, such as " in failure
    assert "product_id = masked in products/b/products_2017-01-02.jsonl.gz of 2017-01-02 00:00:00; send" in failure
    assert "products/a/" not in failure
    lab.products("2017-01-03", [product(product_id=11, brand="Private")])
    lab.good_run()
    assert lab.status()["held_back"] is None
