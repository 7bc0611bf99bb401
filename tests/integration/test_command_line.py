"""The commands as a person types them, in a process of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from assay.base.settings import Settings
from tests.lab import HOSTILE_HOME, WHOLE, Lab, copy_project, edit, environment, product, receipt

ASSAY = [sys.executable, "-c", "from assay.cli.start import main; main()"]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty lake at a name that few programs expect."""
    return Lab(tmp_path / HOSTILE_HOME)


def assay(settings: Settings, *args: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ASSAY, *args], env=environment(settings), capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.mark.slow  # many processes
def test_an_empty_lake_answers_every_question(lab: Lab) -> None:
    status = assay(lab.settings, "status", "--json")
    nothing = {
        "sources": [],
        "published_at": None,
        "held_back": None,
        "snapshots_held_back": [],
        "quality": {},
        "retired": [],
        "shape_changes": [],
        "incidents": 0,
        "unclaimed": {"count": 0, "bytes": 0, "files": [], "problem": ""},
    }
    assert json.loads(status.stdout) == nothing
    assert "No incident is open" in assay(lab.settings, "incidents").stdout
    assert "no file was seen yet" in assay(lab.settings, "files").stdout
    query = assay(lab.settings, "query", "select 1")
    assert query.returncode == 2
    assert "nothing is published yet" in query.stderr
    run = assay(lab.settings, "run")
    assert (run.returncode, run.stdout.strip()) == (0, "nothing was new")


def test_status_query_and_files_show_the_lake(lab: Lab) -> None:
    lab.receipts("day 'one'", [receipt(), receipt(basket_id=101, sales_value="oops")])
    lab.put("transactions/empty.csv", b"")
    run = assay(lab.settings, "run")
    assert run.returncode == 0, run.stderr
    assert "transactions: 1 new file with 2 records, 1 of them malformed" in run.stdout
    assert "refused transactions/empty.csv" in run.stdout

    sources = json.loads(assay(lab.settings, "status", "--json").stdout)["sources"]
    assert [(source["source"], source["records"], source["files"]["refused"]) for source in sources] == [
        ("products", {"read": 0, "loaded": 0, "malformed": 0}, 0),
        ("transactions", {"read": 2, "loaded": 1, "malformed": 1}, 1),
    ]
    assert set(sources[1]["rows"]) == {"bronze", "silver", "quarantined", "superseded", "duplicates"}
    refused = assay(lab.settings, "files", "--refused", "transactions").stdout
    assert "empty.csv" in refused
    assert "day 'one'" not in refused
    question = "select line, reasons, record from quarantine.transactions"
    as_json = json.loads(assay(lab.settings, "query", question, "--format", "json").stdout)
    assert as_json[0]["line"] == 3
    assert "'oops' is no decimal(12,2)" in as_json[0]["reasons"][0]
    as_csv = assay(lab.settings, "query", "select count(*) as n from ops.files", "--format", "csv").stdout
    assert as_csv == "n\n2\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["land", "nosuch", "x.csv"],
            "there is no source 'nosuch'; there are products, transactions",
        ),
        pytest.param(["land", "transactions", "nosuch.csv"], "there is no such file", marks=pytest.mark.slow),
        (["land", "transactions", "README.md"], "files of transactions are 'transactions/*.csv'"),
        pytest.param(["files", "nosuch"], "there is no source 'nosuch'", marks=pytest.mark.slow),
        (["files", "--unclaimed", "--refused"], "--unclaimed is about files of no source"),
        (["run", "--select", "nosuch"], "is not a selection"),
        (["check", "--select", "gold.nosuch"], "'gold.nosuch' names no table with checks; there are bronze.products"),
        pytest.param(
            ["run", "--full-refresh", "silver.nosuch"], "there is no table 'silver.nosuch'", marks=pytest.mark.slow
        ),
    ],
)
def test_a_mistake_gets_a_sentence_and_exit_code_2(lab: Lab, args: list[str], message: str) -> None:
    done = assay(lab.settings, *args)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_command_of_the_project_is_a_sentence_too(tmp_path: Path) -> None:
    whole = Settings(home=tmp_path, dbt_project=WHOLE)
    done = assay(whole, "replay", "--from", "2019-01-01", "--to", "2019-01-02")
    assert done.returncode == 2
    assert "2017-01-01 to 2017-12-31" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_landed_files_are_complete_at_once_and_loaded_without_waiting(lab: Lab, tmp_path: Path) -> None:
    source = lab.receipts("kept aside", [receipt()])
    mine = tmp_path / "it's 100% mine.csv"
    source.rename(mine)
    assert assay(lab.settings, "land", "transactions", str(mine)).stdout.strip().endswith("landed")
    assert "is there already" in assay(lab.settings, "land", "transactions", str(mine)).stdout
    landed = lab.settings.landing / "transactions" / mine.name
    assert landed.read_bytes() == mine.read_bytes()
    assert time.time() - landed.stat().st_mtime >= lab.settings.settle_seconds


@pytest.mark.slow  # a run in a process
def test_status_and_query_work_while_a_run_is_writing(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    lab.good_run()
    with duckdb.connect(str(lab.settings.warehouse)):  # as a run does from its start to its end
        assert assay(lab.settings, "status").returncode == 0
        done = assay(lab.settings, "query", "select sum(sales_usd) as usd from gold.daily_sales", "--format", "csv")
    assert done.stdout == "usd\n2.50\n"


@pytest.mark.slow
def test_a_warehouse_open_elsewhere_is_named_waited_for_and_given_up_cleanly(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=101)])
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb, time; c = duckdb.connect({str(lab.settings.warehouse)!r}); "
         "print('open', flush=True); time.sleep(600)"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        lab.settings = lab.settings.model_copy(update={"foreign_wait_seconds": 1.0})
        outcome = lab.run()
    finally:
        holder.kill()
        holder.wait()
    assert not outcome.success
    assert str(holder.pid) in outcome.failures[0]
    assert "warehouse.duckdb is open in" in outcome.failures[0]
    assert lab.good_run().loaded == [("transactions", 1, 1, 0)]


@pytest.mark.chaos
def test_ctrl_c_stops_a_run_with_130_and_the_next_run_goes_on(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    running = subprocess.Popen(
        [*ASSAY, "run"], env=environment(lab.settings), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    lock = lab.settings.home / "run.lock"
    deadline = time.monotonic() + 60
    while not (lock.exists() and lock.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "what was committed is kept" in errors
    lab.good_run()
    assert lab.source("transactions")["rows"]["silver"] == 1


@pytest.mark.slow  # real runs in processes
def test_check_counts_again_and_fails_when_a_row_is_gone(lab: Lab) -> None:
    lab.receipts("day1", [receipt(), receipt(basket_id=101)])
    lab.products("2017-01-01", [product()])
    lab.good_run()
    files = ["--junit", str(lab.settings.home / "check.xml"), "--summary", str(lab.settings.home / "check.md")]
    good = assay(lab.settings, "check", *files)
    assert good.returncode == 0
    assert "pass gold.daily_sales consistency: 2 rules hold" in good.stdout
    with duckdb.connect(str(lab.settings.warehouse)) as connection:
        connection.execute("delete from bronze.transactions where basket_id = 101")
    done = assay(lab.settings, "check", "--select", "silver.*", *files)
    assert done.returncode == 1
    assert "gold." not in done.stdout
    assert 'name="silver.transactions"' in (lab.settings.home / "check.xml").read_text()
    assert "0 failed" not in (lab.settings.home / "check.md").read_text()
    assert "FAIL silver.transactions conservation" in done.stdout
    assert "expected records read 2, found rows in bronze 1 + malformed 0" in " ".join(done.stdout.split())
    assert lab.status()["held_back"] is not None


@pytest.mark.slow  # three processes that load everything: too long for `make test`
def test_check_builds_a_lake_of_fixtures_and_leaves_the_lake_alone(lab: Lab, tmp_path: Path) -> None:
    """CI has no lake; and what it checks must not be what happens to lie there."""
    fixtures = Lab(tmp_path / "fixtures", lab.settings.dbt_project)
    fixtures.receipts("day1", [receipt()])
    fixtures.products("2017-01-01", [product()])
    folder = str(fixtures.settings.landing)
    good = assay(lab.settings, "check", "--fixtures", folder)
    assert good.returncode == 0, good.stdout
    assert "transactions: 1 new file with 1 record" in good.stdout
    assert "pass silver.transactions conservation: 1 records read, every one accounted for" in good.stdout
    assert not lab.settings.warehouse.exists()
    fixtures.receipts("day2", [receipt(basket_id=5)])
    project = copy_project(tmp_path)
    edit(
        project / "models/silver/silver_transactions.sql", ("from in_store_time\n", "from in_store_time where false\n")
    )
    bad = assay(lab.settings.model_copy(update={"dbt_project": project}), "check", "--fixtures", folder)
    assert bad.returncode == 1, bad.stdout
    assert "FAIL silver.transactions conservation" in bad.stdout
    none = assay(lab.settings, "check", "--fixtures", folder + "x")
    assert (none.returncode, "is not a folder" in none.stderr) == (2, True)


def test_check_says_what_could_not_be_evaluated(lab: Lab) -> None:
    done = assay(lab.settings, "check")
    assert done.returncode == 2
    assert "gold.daily_sales was never built" in done.stdout
