"""Names of libraries that the processes of runs have imported when they begin."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from assay.orchestration.patches.forkserver import LIBRARIES


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_is_there_because_python_leaves_out_others_without_a_word(library: str) -> None:
    assert find_spec(library)


def test_none_is_of_the_project_so_that_runs_see_its_code_as_it_is_then() -> None:
    first_party = {"assay", "assets", "definitions", "resources", "sensors"}
    assert not first_party & {library.partition(".")[0] for library in LIBRARIES}
