"""Files that an earlier version stored and that would be judged differently now are listed, with what reloads them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assay.cli.checking import check
from assay.cli.doctor import examine
from assay.loading.rejudge import READING
from tests.lab import Lab, product, receipt, receipts_csv

pytestmark = pytest.mark.slow  # real runs, and the doctor

HALF_FREE = (100 * 10**9, 50 * 10**9)


def stored_files(lab: Lab) -> dict[str, tuple[str, str, str]]:
    findings = [f for f in examine(lab.settings, time.time(), HALF_FREE) if f.about.startswith("stored files")]
    return {finding.about: (finding.mark, finding.message, finding.do) for finding in findings}


def as_of_before(lab: Lab) -> None:
    """As if an earlier version had loaded all files, and a run of this one had published."""
    lab.spoil("update ops.files set reading = null")
    lab.good_run()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path / "home")
    lab.receipts("1", [receipt(), receipt(product_id=11)])
    lab.products("2017-01-01", [product()])
    lab.good_run()
    return lab


def test_what_was_loaded_today_is_not_looked_at_again(lab: Lab) -> None:
    assert stored_files(lab) == {"stored files": ("ok", "each would be judged as it was", "")}


def test_a_file_that_would_be_judged_differently_is_named_with_the_command(lab: Lab) -> None:
    odd = receipts_csv([receipt(basket_id=7)]).replace(b"2.50", b'2.50"')
    lab.put("transactions/odd.csv", odd)
    lab.good_run()
    as_of_before(lab)
    mark, message, do = stored_files(lab)["stored files of transactions"]
    assert mark == "warning"
    assert message.startswith(
        "1 file loaded by an earlier version would be judged differently now: transactions/odd.csv: "
    )
    assert "assay run --full-refresh bronze.transactions" in do
    lab.good_run(full_refresh=["bronze.transactions"])
    assert stored_files(lab)["stored files"][0] == "ok"


def test_a_check_that_reads_all_files_again_notes_those_that_stay_as_they_are(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.put("transactions/odd.csv", receipts_csv([receipt(basket_id=7)]).replace(b"2.50", b'2.50"'))
    lab.good_run()
    as_of_before(lab)
    monkeypatch.setenv("ASSAY_HOME", str(lab.settings.home))
    monkeypatch.setenv("ASSAY_DBT_PROJECT", str(lab.settings.dbt_project))
    check("", None, None, None)
    named = lab.rows(f"select path from ops.files where coalesce(reading, 1) < {READING}")
    assert named == [("transactions/odd.csv",)]
