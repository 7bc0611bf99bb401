"""The quick listing of a folder claims what the run's own look at landing claims, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.contract.file_glob import FileGlob
from assay.ledger.folded_files import find
from assay.triggers.landing_watch import _listed

NAMES = [
    "a.csv", "ab.csv", "sales_.csv", "sales__.csv", "sales_1_.csv", "sales.csv", "sales.csv.bak", "sales.csv.part",
    ".a.csv", "_a.csv", "a.CSV", "é.csv", "a.csv.gz", "a1.csv", "a12.csv",
]  # fmt: skip


@pytest.mark.parametrize(
    "pattern", ["*.csv", "sales.csv", "sales_*_.csv", "a*.csv", "a?.csv", "*", "*.csv*", "sales*", "a[b1].*"]
)
def test_both_looks_claim_the_same_names(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "sales"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(name)
    quick = {name for name, _ in _listed(tmp_path, FileGlob(f"sales/{pattern}"))}
    assert quick == {arrival.name for arrival in find(tmp_path, f"sales/{pattern}")}
