"""`kill -9` at any step of publishing leaves readers one whole state, and the next run cleans up and goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.places import PROJECT
from tests.readers import Shop, row

MONTHS = ("2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15")
TRIES = 24


def publish(home: Path, last: int) -> subprocess.CompletedProcess[str]:
    """Publish in a process of its own that dies at a step; 0 is never."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])}
    return subprocess.run(
        [sys.executable, str(PROJECT / "tests" / "publishing.py"), str(home), str(last)],
        check=False, capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip


def change(home: Path, number: int) -> list[tuple[object, ...]]:
    """Load a late row of one month, or of all; gives the table as it is then."""
    shop = Shop(home / "published", database=str(home / "warehouse.duckdb"))
    days = MONTHS if number % 5 == 0 else (MONTHS[number % 4],)
    shop.bring(f"f{number}", [row(1000 * number + n, day, amount=number) for n, day in enumerate(days)])
    rows = shop.stored()
    shop.connection.close()
    return rows


def seen(home: Path) -> list[tuple[object, ...]]:
    """What a reader sees; read by a connection of its own each time."""
    with duckdb.connect(str(home / "published" / "lake.duckdb"), read_only=True) as reader:
        return reader.execute("select * from silver.x order by all").fetchall()


def test_readers_see_one_whole_state_whenever_publishing_dies(tmp_path: Path) -> None:
    draw = random.Random(16)  # noqa: S311
    before = change(tmp_path, 0)
    published = publish(tmp_path, 0)
    assert published.returncode == 0, published.stderr
    all_steps = killed = 0
    for number in range(1, TRIES):
        after = change(tmp_path, number)
        step = draw.randint(1, max(all_steps, 40)) if number % 4 else 0
        outcome = publish(tmp_path, step)
        assert outcome.returncode in (0, -signal.SIGKILL), outcome.stderr
        killed += outcome.returncode != 0
        all_steps = max(all_steps, int(outcome.stdout or 0))
        assert seen(tmp_path) in ([after] if outcome.returncode == 0 else [before, after])
        before = seen(tmp_path)
    assert publish(tmp_path, 0).returncode == 0
    assert seen(tmp_path) == after
    folder = tmp_path / "published"
    assert [path.name for path in (*folder.glob(".*"), *folder.glob("states/.*"))] == []
    assert len(list(folder.glob("states/*"))) == len(list(folder.glob("lake_*.duckdb"))) == 3
    assert killed > TRIES // 4
