"""The formulas of gold, worked by hand in the yml beside each model, hold in dbt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import WHOLE, Lab, environment


@pytest.mark.chaos
def test_every_example_worked_by_hand_comes_out(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", WHOLE)
    lab.good_run()  # dbt takes the types of the inputs from their tables
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "test", "--select", "test_type:unit"]
    folders = ["--project-dir", str(WHOLE), "--profiles-dir", str(WHOLE), "--target-path", str(tmp_path / "target")]
    log = ["--log-path", str(tmp_path), "--quiet", "--no-partial-parse"]
    done = subprocess.run(
        [*command, *folders, *log], env=environment(lab.settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "target" / "run_results.json").read_text().count('"status": "pass"') >= 6
