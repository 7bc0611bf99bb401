"""A file that no source claims is seen wherever a person looks, and told after an hour."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from assay.base.settings import Settings
from assay.cli import unclaimed
from assay.ledger.unclaimed import list_unclaimed
from assay.page.page import page_path
from tests.house import House
from tests.lab import Lab, copy_project, edit, environment, product, receipt, receipts_csv

pytestmark = pytest.mark.slow  # real runs, the command and the sensor

HOUR = timedelta(hours=1)
EXAMPLES = [
    "transactions/up.CSV",
    "transactions/a.csv.gz",
    "transactions/2017/b.csv",
    "transactoins/c.csv",
    "transactions/_x.csv",
]


def assay(settings: Settings, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from assay.cli.start import main; main()", *args]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def filled(lab: Lab) -> Lab:
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    for name in EXAMPLES:
        lab.put(name, receipts_csv([receipt(basket_id=2)]))
    return lab


def test_it_is_in_status_files_and_doctor_as_it_lies_there_now(filled: Lab) -> None:
    filled.put("transactions/\x1b]0;owned\x07\n.txt", b"x")
    filled.good_run()
    status = assay(filled.settings, "status").stdout
    assert "6 files are claimed by no source: " in status
    assert status.index("of 100") < status.index("claimed by no source")
    listing = json.loads(assay(filled.settings, "status", "--json").stdout)["unclaimed"]
    assert listing["count"] == 6
    assert {file["path"] for file in listing["files"]} > set(EXAMPLES)
    files = assay(filled.settings, "files", "--unclaimed").stdout
    assert all(name in files for name in EXAMPLES)
    assert "differs only in upper and lower case from 'transactions/*.csv'" in " ".join(files.split())
    doctor = assay(filled.settings, "doctor").stdout
    assert "warning unclaimed: 6 files are claimed by no source: " in doctor
    assert "landing/.assayignore" in doctor
    for output in (status, files, doctor):
        assert "\x1b]0" not in output
        assert "\x07" not in output
    for name in EXAMPLES:
        (filled.settings.landing / name).unlink()
    filled.put(".assayignore", b"*.txt\n")
    assert json.loads(assay(filled.settings, "status", "--json").stdout)["unclaimed"]["count"] == 0
    assert "claimed by no source" not in assay(filled.settings, "status").stdout
    assert "ignored by a rule" in assay(filled.settings, "files", "--unclaimed").stdout


def test_status_goes_on_when_the_contracts_cannot_be_read(filled: Lab) -> None:
    broken = filled.settings.home / "broken"
    broken.mkdir()
    (broken / "dbt_project.yml").write_text("name: [")
    project = filled.settings.model_copy(update={"dbt_project": broken})
    assert unclaimed.look(project) is None
    assert json.loads(assay(project, "status", "--json").stdout)["unclaimed"] is None
    assert "is not known" in assay(project, "status").stdout


def test_a_run_warns_of_it(filled: Lab) -> None:
    settings = filled.settings.model_copy(update={"log": "json"})
    done = subprocess.run(
        [sys.executable, "-c", "from assay.cli.start import main; main()", "run"],
        env={**environment(settings), "ASSAY_LOG": "json"}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["files"] for line in lines if line["event"] == "unclaimed"] == [5]


def test_after_an_hour_it_is_one_incident_that_ends_by_itself(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    paths = [lab.put(name, b"x") for name in EXAMPLES]
    script = lab.put("transactions/<script>alert(1)</script>.txt", b"x")
    watchman, now = house.watchman(), datetime.now(UTC)
    watchman.look(house.instance, now + timedelta(minutes=59))
    assert house.rows() == []
    html = page_path(lab.settings).read_text(encoding="utf-8")
    assert "6 files are claimed by no source" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.txt" in html
    assert "<script>alert(1)" not in html

    for minutes in (61, 62, 63):
        watchman.look(house.instance, now + timedelta(minutes=minutes))
    assert house.open() == [("unclaimed_file", "landing")]
    [row] = house.rows()
    assert (row["level"], row["owner"], row["is_told"]) == (2, "lake", True)
    assert row["problem"].startswith("6 files are claimed by no source: transactions/")
    assert row["problem"].count("transactions/") <= 5
    assert row["to_do"] == "docs/runbook.md, 'Files that no source claims': assay files --unclaimed"

    for path in paths[1:]:
        path.unlink()
    script.unlink()
    paths[0].rename(paths[0].with_suffix(".csv"))
    watchman.look(house.instance, now + timedelta(minutes=64))
    assert house.open() == []


def test_a_look_without_any_memory_tells_of_what_has_lain_there_for_an_hour(house: House) -> None:
    """As after `assay run`, without services: the time that the file system wrote decides."""
    house.lab.put("transactoins/c.csv", b"x")
    told = [
        [message.about for message in house.watchman().look(house.instance, datetime.now(UTC) + after).messages]
        for after in (timedelta(), 2 * HOUR)
    ]
    assert told == [[], ["opened"]]


def test_sources_that_overlap_stop_before_any_data_is_touched(lab: Lab) -> None:
    project = copy_project(lab.settings.home.parent)
    yml = project / "models/bronze/bronze_products.yml"
    edit(yml, ('files: "products/*.jsonl.gz"', 'files: "transactions/day*"'))
    settings = lab.settings.model_copy(update={"dbt_project": project})
    done = assay(settings, "run")
    errors = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert "models/bronze/bronze_products.yml and models/bronze/bronze_transactions.yml" in errors
    assert "'transactions/day.csv'" in errors
    edit(yml, ('files: "transactions/day*"', 'files: "transactions/day*"\n          shares_with: [transactions]'))
    assert list_unclaimed(settings.landing, []).count == 0
    assert assay(settings, "run").returncode == 0
    unfinished = lab.settings.home / "day1.tmp"
    unfinished.write_bytes(b"x")
    land = assay(settings, "land", "products", str(unfinished))
    assert (land.returncode, "would not be seen" in land.stderr) == (2, True)  # no run would see it either
