"""Names of libraries that the processes of runs have imported when they begin."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from assay.orchestration.patches import forkserver
from assay.orchestration.patches.forkserver import ENGINE, LIBRARIES, RunProcess


@pytest.mark.parametrize("library", (*ENGINE, *LIBRARIES))
def test_each_is_there_because_python_leaves_out_others_without_a_word(library: str) -> None:
    assert find_spec(library)


def test_none_is_of_the_project_so_that_runs_see_its_code_as_it_is_then() -> None:
    project = {"assets", "dashboard", "definitions", "resources", "sensors"}
    assert not project & {name.partition(".")[0] for name in (*ENGINE, *LIBRARIES)}


@pytest.mark.parametrize(("since", "expected"), [([], "forked"), (["another version"], "spawned")])
def test_a_run_is_not_forked_from_an_engine_that_changed_since(
    since: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunProcess, "made_of", forkserver.made_of() + since)
    monkeypatch.setattr(forkserver, "Forked", lambda _: "forked")
    monkeypatch.setattr(forkserver.popen_spawn_posix, "Popen", lambda _: "spawned")
    assert RunProcess._Popen(RunProcess()) == expected


def test_a_run_is_spawned_while_packages_are_being_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def vanished() -> list[str]:
        raise FileNotFoundError("a file that pip replaces")

    monkeypatch.setattr(forkserver, "made_of", vanished)
    monkeypatch.setattr(forkserver, "Forked", lambda _: "forked")
    monkeypatch.setattr(forkserver.popen_spawn_posix, "Popen", lambda _: "spawned")
    assert RunProcess._Popen(RunProcess()) == "spawned"


ENGINE_ALONE = """
import importlib, os, sys
import duckdb
from assay.orchestration.patches.forkserver import ENGINE, LIBRARIES
for name in LIBRARIES:
    importlib.import_module(name)
duckdb.connect = None
before = len(os.listdir("/proc/self/task"))
for name in ENGINE:
    importlib.import_module(name)
assert len(os.listdir("/proc/self/task")) == before, "a thread would be lost in a fork"
project = {"assets", "dashboard", "definitions", "resources", "sensors"} & set(sys.modules)
assert not project, f"runs would not see changes of {project}"
assert "assay.cli.console" not in sys.modules, "a command that is forked would not look at its own terminal"
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux only")
def test_the_engine_is_imported_without_a_thread_or_a_database_that_a_fork_would_lose() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENGINE_ALONE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


FIRST_USE = """
import os, sys, threading
if "without" in sys.argv:
    sys.modules["dbt.cli.main"] = None
else:
    import dbt.task.build, dbt.adapters.duckdb, pyarrow.csv, pandas
def threads():
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()
before = threads()
import assay.orchestration.first_use
if "without" not in sys.argv:
    from dbt.adapters.factory import FACTORY
    from dbt_common.dataclass_schema import dbtClassMixin
    assert vars(dbtClassMixin)["json_schema"].__func__.cache_info().currsize > 0
    assert not FACTORY.adapters
assert threads() <= before, "a thread would be lost in a fork"
ours = {name for name in sys.modules if name.startswith("assay.") and name != "assay.orchestration.first_use"}
assert ours <= {"assay.orchestration"}, f"runs would not see changes of {ours}"
"""


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["with", "without"])
def test_what_dbt_does_at_first_is_done_without_a_thread_that_a_fork_would_lose(argument: str) -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_USE, argument], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
