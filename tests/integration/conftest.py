"""A source without dbt, for tests of what happens to one file; and a lake with the sensor of incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.orchestration.instance import open_instance
from tests.house import House
from tests.lab import Lab
from tests.source import Source

HOME = "a lake's [x]* _record v1=7 id=9"
"""A folder that DuckDB takes for a pattern, and for partitions that give every file the columns `v1` and `id`."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Source]]:
    """Makes sources, each on a lake of its own."""
    made: list[Source] = []

    def new(*args: Any, **more: Any) -> Source:
        made.append(Source(tmp_path / f"{HOME}{len(made) or ''}", *args, **more))
        return made[-1]

    yield new
    for source in made:
        source.connection.close()


@pytest.fixture
def house(lab: Lab) -> Iterator[House]:
    """An ordinary project, before its first run."""
    with open_instance(lab.settings) as instance:
        yield House(lab, instance)
