"""Promise 5 when the disk that readers read from is full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import WHOLE, Lab, everything, product, receipt
from tests.processes import reader

SIZE = 8 << 20  # bytes of the disk


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Lab]:
    """A lake whose `published/` is a small disk of its own, which takes the right to mount one."""
    lab = Lab(tmp_path / "lake", WHOLE)
    lab.settings.published.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(lab.settings.published)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield lab
    finally:
        subprocess.run(["umount", str(lab.settings.published)], check=True)


def fill(folder: Path, left: int) -> Path:
    """Fill the disk but for some bytes."""
    path = folder / "fill"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            file.truncate(file.tell() - left)
    return path


def size(link: Path) -> int:
    """Bytes of what a link names."""
    return link.resolve().stat().st_size


@pytest.mark.parametrize(("lake", "ops"), [(0, 0), (0.5, 0), (1.2, 0.1), (1.2, 0.6)])
def test_a_full_disk_fails_the_run_and_leaves_readers_what_they_had(small: Lab, lake: float, ops: float) -> None:
    """Room for a part of the new lake, or for it and a part of the book-keeping; none of it may be half there."""
    small.products("2017-01-01", [product()])
    small.receipts("day1", [receipt()])
    small.good_run()
    before = everything(small)
    small.receipts("day2", [receipt(basket_id=number) for number in range(200, 220)])
    published = small.settings.published
    filler = fill(published, int(lake * size(published / "lake.duckdb") + ops * size(published / "ops.duckdb")))
    with reader(small.settings.published) as readings:
        outcome = small.run()
        assert not outcome.success
        assert any("No space left" in failure for failure in outcome.failures), outcome.failures
        after = everything(small)
        assert len(after["silver.transactions"]) == (21 if lake > 1 else 1)
        if lake < 1:
            assert after == before
        filler.unlink()
        small.good_run()
    assert readings.problems == []
    assert small.rows("select count(*) from silver.transactions") == [(21,)]
    assert small.status()["held_back"] is None
    assert sorted(path.name for path in small.settings.published.glob(".*")) == []
