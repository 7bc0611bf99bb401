"""`assay run` gives the same lake with each patch switched off, and with all."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.orchestration.instance import open_instance
from assay.orchestration.patches.registry import ALL, PATCHES, SWITCH
from tests.lab import Lab, environment, everything, product, receipt
from tests.processes import PATIENCE, command

NAMES = [patch.name for patch in PATCHES]


def filled(home: Path) -> Lab:
    """A lake with something good, something malformed and something quarantined, before its first run."""
    lab = Lab(home)
    lab.products("2017-01-01", [product(), product(product_id=11)])
    bad = [receipt(basket_id=101, sales_value="oops"), receipt(basket_id=102, quantity=-1)]
    lab.receipts("day1", [receipt(), receipt(product_id=11), *bad])
    return lab


def run_without(lab: Lab, patches: str) -> None:
    """`assay run` as a process of its own, with the log that one of the patches is for."""
    done = subprocess.run(
        command("run"), env={**environment(lab.settings), SWITCH: patches, "ASSAY_LOG": "json"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"outcome": "succeeded"' in done.stderr


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """All that readers see after a run with every patch."""
    lab = filled(tmp_path_factory.mktemp("patched"))
    lab.good_run()
    return everything(lab)


@pytest.mark.parametrize("patches", [ALL, *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES)])
def test_without_a_patch_the_rows_are_the_same(
    tmp_path: Path, expected: dict[str, list[tuple[Any, ...]]], patches: str
) -> None:
    lab = filled(tmp_path / "lake")
    run_without(lab, patches)
    assert everything(lab) == expected
    assert len(expected["quarantine.transactions"]) == 2
    with open_instance(lab.settings) as instance:
        [run] = instance.get_runs()
    assert (run.remote_job_origin is None) == (patches in (ALL, "run_origin"))
