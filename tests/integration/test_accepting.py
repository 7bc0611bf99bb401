"""A snapshot that is held back is said everywhere; a command lets it in, says who and why, and takes it back."""

from __future__ import annotations

import getpass
import subprocess

import dagster as dg
import pytest

from assay.base.run_marks import run_lock
from tests.house import House
from tests.lab import Lab, environment, product, receipt
from tests.places import PROJECT
from tests.processes import command, finish, holder, start

pytestmark = pytest.mark.slow  # real runs and the command

WEEK = "products/products_2017-01-08.jsonl.gz"


def assay(lab: Lab, *args: str) -> tuple[int, str]:
    """Exit code and all that a command says."""
    env = {**environment(lab.settings), "COLUMNS": "300"}
    done = subprocess.run(command(*args), cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def departments(lab: Lab) -> list[tuple[str, int]]:
    """What gold says: department of each receipt's product, and how many products silver has."""
    return lab.rows(
        "select any_value(department), (select count(*) from silver.products) from gold.daily_sales group by department"
    )


def asks_for_a_run(house: House) -> bool:
    """Whether the sensor of the services asks for one, which then has to decide about the snapshots again."""
    context = dg.build_sensor_context(house.instance, definitions=house.definitions)
    tick = house.definitions.resolve_sensor_def("arrivals").evaluate_tick(context)
    wanted = {key.to_user_string() for request in tick.run_requests or () for key in request.asset_selection or ()}
    assert not wanted or "bronze/products" in wanted
    return bool(wanted)


def test_a_snapshot_that_loses_too_much_is_held_back_accepted_and_taken_back(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product(product_id=10 + n, department="OLD") for n in range(10)])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    assert departments(lab) == [("OLD", 10)]

    lab.products("2017-01-08", [product(department="NEW")])
    lab.good_run()
    assert departments(lab) == [("OLD", 10)]
    why = "it lacks 9 of the 10 keys of products/products_2017-01-01.jsonl.gz, 90.0%; max_loss is 50.0%"
    assert lab.source("products")["rows"] == {
        "bronze": 11, "silver": 10, "quarantined": 0, "superseded": 1, "duplicates": 0,
    }  # fmt: skip
    assert lab.source("products")["is_conserved"]
    assert [file["path"] for file in lab.status()["snapshots_held_back"]] == [WEEK]
    assert house.tick() == "1 open: snapshot_held_back products"
    [row] = house.rows()
    assert (row["owner"], row["level"], row["problem"]) == ("merchandising", 2, f"{WEEK} is held back: {why}")
    assert row["tried"] == "readers keep products/products_2017-01-01.jsonl.gz"
    assert lab.rows(
        "select count(*) from ops.deliveries join ops.snapshots using (file_id) where state <> 'current'"
    ) == [(0,)]
    for args in (("status",), ("files", "products"), ("doctor",)):
        output = " ".join(assay(lab, *args)[1].split())
        assert "held back" in output, args
        assert "9 of the 10 keys" in output, args
    assert not asks_for_a_run(house)

    code, output = assay(lab, "accept", WEEK, "--because", "the shops were sold", "--by", "ada")
    assert (code, output.split(";")[0]) == (0, f"{WEEK} is let in")
    assert "let in by ada: the shops were sold" in assay(lab, "status")[1]
    assert asks_for_a_run(house)
    lab.good_run()
    assert departments(lab) == [("NEW", 1)]
    assert lab.source("products")["is_conserved"]
    assert house.tick() == "nothing is wrong"
    assert not asks_for_a_run(house)

    assert assay(lab, "accept", "--undo", "products_2017-01-08.jsonl.gz")[0] == 0
    lab.good_run()
    assert departments(lab) == [("OLD", 10)]
    assert house.tick() == "1 open: snapshot_held_back products"
    decided = "select path, is_accepted, decided_by, because from ops.acceptances order by acceptance_id"
    assert lab.rows(decided) == [
        (WEEK, True, "ada", "the shops were sold"),
        (WEEK, False, getpass.getuser(), ""),
    ]

    lab.products("2017-01-15", [product(product_id=10 + n, department="NEXT") for n in range(9)])
    lab.good_run()
    assert departments(lab) == [("NEXT", 9)]
    assert house.tick() == "nothing is wrong"


def test_a_decision_needs_a_reason_and_a_file_that_is_held_back(lab: Lab) -> None:
    lab.products("2017-01-01", [product(product_id=10 + n) for n in range(10)])
    lab.products("2017-01-08", [product()])
    lab.good_run()
    code, output = assay(lab, "accept", WEEK)
    assert code == 2
    assert "say why the file is right" in output
    code, output = assay(lab, "accept", "products_2017-01-01.jsonl.gz", "--because", "so")
    assert code == 2
    assert f"is not a snapshot that is held back; held back are {WEEK}" in " ".join(output.split())
    assert holder(lab.settings.home) == ""
    assert lab.rows("select count(*) from ops.acceptances") == [(0,)]


def test_a_decision_waits_for_a_run_to_end(lab: Lab) -> None:
    lab.products("2017-01-01", [product(product_id=10 + n) for n in range(10)])
    lab.products("2017-01-08", [product()])
    lab.good_run()
    lock = run_lock(lab.settings)
    lock.acquire("run of somebody", wait_seconds=0)
    process = start(lab.settings, "accept", WEEK, "--because", "so")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(5)
    lock.release()
    code, output = finish(process)
    assert (code, output.splitlines()[0]) == (0, "waiting for run of somebody to end")
    assert lab.rows("select path, because from ops.acceptances") == [(WEEK, "so")]
