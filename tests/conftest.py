"""Fixtures of all tests, and the rule that keeps slow tests out of `tests/unit`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import assets
import resources
import sensors
from assay.orchestration.patches.gc_tuning import collect_seldom
from tests.lab import HOSTILE_HOME, Lab

collect_seldom()  # as the command does
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # commands that tests start have the bytecode that pip would have made
OWN = (assets, resources, sensors)
"""The packages of this project, imported before those of another one that are called the same."""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty lake in a folder with blanks, quotes and brackets in its name."""
    return Lab(tmp_path / HOSTILE_HOME)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that starts runs or processes cannot hide among the unit tests."""
    for item in items:
        in_unit = "unit" in item.path.parts
        if in_unit and "lab" in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} makes runs: move it to tests/integration")
        for place in ("browser", "chaos", "feeds"):
            if place in item.path.parts:
                item.add_marker(getattr(pytest.mark, place))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes are called by their length: a name of raw bytes is unreadable, and those of gzip hold the time."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None
