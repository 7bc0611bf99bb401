"""Other rules, or another key, judge the rows that are stored: as a load of all files would, and without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assay.tables.dbt import parse_if_changed
from tests.lab import Lab, copy_project, edit, everything, product, receipt

BRONZE = "models/bronze/bronze_transactions.yml"
QUANTITY = ('expression: "quantity >= 0"', 'expression: "quantity > 1"')
KEY = ("columns: [basket_id, product_id]", "columns: [basket_id]")
DAY = {"transaction_timestamp": "2017-01-02 15:00:00"}


def land(lab: Lab) -> None:
    lab.products("2017-01-01", [product(), product(product_id=11)])
    rows = [receipt(basket_id=n, quantity=n % 3, sales_value="0.00" if n % 3 == 0 else "2.50") for n in range(6)]
    lab.receipts("day1", [*rows, receipt(basket_id=1, product_id=11, quantity=2)])
    lab.receipts("day2", [receipt(basket_id=20, quantity=2), receipt(basket_id=21, quantity=3)])
    lab.receipts("day3", [receipt(basket_id=30, quantity=1), receipt(basket_id=4, quantity=5, **DAY)])


def fresh(tmp_path: Path, *changes: tuple[str, str]) -> Lab:
    """A lake whose contract said it from the beginning."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    lab = Lab(folder / "lake", copy_project(folder))
    change(lab, *changes)
    land(lab)
    lab.good_run()
    return lab


def change(lab: Lab, *changes: tuple[str, str]) -> None:
    for before, after in changes:
        edit(lab.settings.dbt_project / BRONZE, (before, after))
    parse_if_changed(lab.settings)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [(QUANTITY,), (KEY,), (QUANTITY, KEY)], ids=["rule", "key", "both"])
def test_judged_again_is_as_loaded_and_reads_no_file(tmp_path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    lab = Lab(tmp_path / "lake", copy_project(tmp_path))
    land(lab)
    lab.good_run()
    before, loads = everything(lab), lab.stored("select basket_id, _load_id from bronze.transactions order by all")
    change(lab, *changes)
    stopped = lab.run()
    assert "`assay run --full-refresh bronze.transactions`" in str(stopped.failures)
    assert everything(lab) == before
    shutil.move(lab.settings.landing / "transactions", tmp_path / "away")
    wanted = ["bronze.transactions", *(["silver.transactions"] if KEY in changes else [])]
    lab.good_run(full_refresh=wanted)
    assert everything(lab) == everything(fresh(tmp_path, *changes))
    assert lab.stored("select basket_id, _load_id from bronze.transactions order by all") == loads
    assert lab.status()["held_back"] is None
    assert lab.source("transactions")["is_conserved"]
    change(lab, *((after, earlier) for earlier, after in changes))
    lab.good_run(full_refresh=wanted)
    assert everything(lab) == before


@pytest.mark.slow
def test_only_the_keys_of_rows_that_are_judged_otherwise_are_redone(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", copy_project(tmp_path))
    land(lab)
    lab.good_run()
    seqs = dict(lab.rows("select table_name, rebuilt_seq from ops.tables"))
    change(lab, ('expression: "quantity >= 0"', 'expression: "quantity <> 3"'))
    lab.good_run(full_refresh=["bronze.transactions"])
    assert dict(lab.rows("select table_name, rebuilt_seq from ops.tables")) == seqs
    assert lab.rows("select changed_keys from ops.rebuilds where table_name = 'silver.transactions'") == [(2,)]
    assert lab.rows("select reasons, contract_version from quarantine.transactions where kind = 'quarantined'") == [
        (["quantity_not_negative"], "1.0.0")
    ]
    change(lab, ("version: 1.0.0", "version: 2.0.0"), ('expression: "quantity <> 3"', 'expression: "quantity < 3"'))
    lab.good_run(full_refresh=["bronze.transactions"])
    assert {version for (version,) in lab.rows("select contract_version from quarantine.transactions")} == {"2.0.0"}


@pytest.mark.slow
def test_a_strict_table_is_built_from_nothing_on_command_alone(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", copy_project(tmp_path))
    edit(
        lab.settings.dbt_project / "models/gold/gold_daily_sales.yml",
        ("        owner: analytics\n", "        owner: analytics\n        strict: true\n"),
    )
    parse_if_changed(lab.settings)
    land(lab)
    lab.good_run()
    before = lab.table("gold.daily_sales")
    lab.receipts("day4", [receipt(basket_id=40)])
    lab.good_run()
    assert lab.table("gold.daily_sales") != before
    outcome = lab.run(full_refresh=["silver.transactions"])
    [failure] = [failure for failure in outcome.failures if "gold.daily_sales" in failure]
    assert "is strict, and would be built from nothing because silver.transactions was" in failure
    lab.good_run(full_refresh=["gold.daily_sales"])
    assert lab.status()["held_back"] is None
