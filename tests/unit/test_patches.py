"""Patches of private names: each has a switch, and one whose name is gone breaks nothing."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic.config import Config
from dagster import DagsterInstance
from dagster._core.execution import context_creation_job
from dagster._core.storage import sql
from dagster._core.storage.runs.sqlite import sqlite_run_storage

from assay.base.settings import Settings
from assay.cli import findings, start
from assay.orchestration.patches import registry
from assay.orchestration.patches.dev_instance import serve_instance_of
from assay.orchestration.patches.forkserver import RunProcess, start_runs_from_a_fork
from assay.orchestration.patches.gc_tuning import collect_seldom
from assay.orchestration.patches.old_observations import drop_observations
from assay.orchestration.patches.quiet_console import quiet_console
from assay.orchestration.patches.run_origin import runs_belong_to
from assay.orchestration.patches.sqlite_engines import reuse_engines
from tests.places import PROJECT

NAMES = [patch.name for patch in registry.PATCHES]
TRIED_ON = "dagster 1.13.27"
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No patch is switched off or has failed, and what they replace is put back."""
    monkeypatch.delenv(registry.SWITCH, raising=False)
    monkeypatch.setattr(registry, "_failed", set())
    monkeypatch.setattr(DagsterInstance, "get", DagsterInstance.__dict__["get"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "dagster", "api", "grpc"])
    monkeypatch.setattr("multiprocessing.forkserver.ensure_running", lambda: None)
    monkeypatch.setitem(vars(SPAWN), "Process", SPAWN.Process)
    for module, name in ((sqlite_run_storage, "create_engine"), (context_creation_job, "default_system_loggers")):
        monkeypatch.setattr(module, name, lambda *_, **__: ())


def an_instance() -> SimpleNamespace:
    """As much of an instance as the patch `run_origin` sees."""

    def create_run_for_job(job: str, remote_job_origin: object = None) -> tuple[str, object]:
        return job, remote_job_origin

    return SimpleNamespace(create_run_for_job=create_run_for_job)


INSTANCE = an_instance()


class Events:
    """A storage of events in which a feed was observed, and what was asked of it."""

    def __init__(self, *observed: str) -> None:
        self.observed, self.asked = observed, [""]
        self.event_log_storage = self
        self.opened: list[str] = []

    @contextmanager
    def index_connection(self) -> Iterator[Any]:
        self.opened.append("index")
        yield self

    @contextmanager
    def run_connection(self, run_id: str) -> Iterator[Any]:
        self.opened.append(f"run {run_id}")
        yield self

    def execute(self, statement: object, values: dict[str, Any]) -> Any:  # noqa: ARG002 - as SQLAlchemy calls it
        self.asked.append(str(statement))
        return SimpleNamespace(fetchall=lambda: [(key,) for key in self.observed], scalar=lambda: 1)


EVENTS: Any = Events('["feeds", "orders"]')
APPLY: dict[str, Callable[[], None]] = {
    "forkserver": start_runs_from_a_fork,
    "sqlite_engines": reuse_engines,
    "run_origin": lambda: runs_belong_to(INSTANCE, "refresh"),  # type: ignore[arg-type]
    "quiet_console": quiet_console,
    "dev_instance": lambda: serve_instance_of(Settings(home=Path())),
    "old_observations": lambda: drop_observations(EVENTS, ["orders"], datetime.now(UTC)),
    "gc_tuning": collect_seldom,
}
REPLACED: dict[str, Callable[[], object]] = {
    "forkserver": lambda: SPAWN.Process,
    "sqlite_engines": lambda: sqlite_run_storage.create_engine,
    "run_origin": lambda: INSTANCE.create_run_for_job,
    "quiet_console": lambda: context_creation_job.default_system_loggers,
    "dev_instance": lambda: DagsterInstance.get,
    "old_observations": lambda: len(EVENTS.asked),
    "gc_tuning": gc.get_threshold,
}


def test_a_lake_without_feeds_leaves_the_database_of_events_without_a_run_alone() -> None:
    events: Any = Events()
    drop_observations(events, [], datetime.now(UTC))
    assert events.opened == ["index"]


@pytest.mark.parametrize("switch", ["{}", "all", " gc_tuning , {},"])
@pytest.mark.parametrize("name", NAMES)
def test_a_patch_that_is_switched_off_replaces_nothing(name: str, switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(INSTANCE), "create_run_for_job", an_instance().create_run_for_job)
    monkeypatch.setattr(sys, "platform", "linux")
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        before = REPLACED[name]()
        monkeypatch.setenv(registry.SWITCH, switch.format(name))
        APPLY[name]()
        assert REPLACED[name]() == before
        monkeypatch.delenv(registry.SWITCH)
        APPLY[name]()
        assert REPLACED[name]() != before
    finally:
        gc.set_threshold(*thresholds)


MISSING: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "forkserver": lambda patched: patched.delattr("multiprocessing.forkserver.set_forkserver_preload"),
    "sqlite_engines": lambda patched: patched.delattr(sqlite_run_storage, "create_engine"),
    "run_origin": lambda patched: patched.setitem(vars(INSTANCE), "create_run_for_job", lambda job: job),
    "quiet_console": lambda patched: patched.delattr(context_creation_job, "default_system_loggers"),
    "dev_instance": lambda patched: patched.delattr(DagsterInstance, "get"),
    "old_observations": lambda patched: patched.delattr(Events, "run_connection"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_patch_whose_private_name_is_gone_turns_itself_off_with_one_warning(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An update of Dagster would otherwise break every command by what only makes it faster."""
    monkeypatch.setattr(sys, "platform", "linux")
    MISSING[name](monkeypatch)
    with caplog.at_level(logging.WARNING):
        APPLY[name]()
        APPLY[name]()
    [warning] = [record.getMessage() for record in caplog.records if record.name == registry.__name__]
    assert warning.startswith(f"the patch {name} is off, because Dagster is not as it expects: ")
    assert not registry.is_on(name)


def test_the_revisions_of_a_place_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those of another place, as of a project's own tables, by themselves."""
    read: list[str] = []

    class Scripts:
        @staticmethod
        def from_config(config: Config) -> object:
            place = config.get_main_option("script_location")
            read.append(str(place))
            return SimpleNamespace(place=place)

    monkeypatch.setattr(sql, "ScriptDirectory", Scripts)
    reuse_engines()
    kept = sql.ScriptDirectory
    reuse_engines()
    assert sql.ScriptDirectory is kept
    for place in ("dagster", "dagster", "own", "dagster"):
        config = Config()
        config.set_main_option("script_location", place)
        assert vars(kept.from_config(config))["place"] == place
    assert read == ["dagster", "own"]


def test_a_module_that_is_gone_is_no_reason_to_fail_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dagster._core.remote_origin", None)
    APPLY["run_origin"]()
    assert not registry.is_on("run_origin")


def test_only_linux_forks_and_the_other_patches_are_for_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert [name for name in NAMES if not registry.is_on(name)] == ["forkserver"]
    start_runs_from_a_fork()
    assert SPAWN.Process is not RunProcess


def test_an_unknown_name_is_an_error_that_lists_the_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(registry.SWITCH, "gc_tuning,forkservr")
    monkeypatch.setitem(sys.modules, "assay.cli.main", None)
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert (
        message == f"assay: ASSAY_PATCHES_OFF names 'forkservr'; expected all, or some of {', '.join(sorted(NAMES))}\n"
    )


def test_windows_is_told_of_wsl_before_anything_is_imported_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "assay.cli.main", None)
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "WSL" in message


def test_what_is_imported_before_the_command_is_of_the_standard_library_alone() -> None:
    script = "import sys; before = set(sys.modules); import assay.cli.start; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, check=True)
    loaded = set(done.stdout.split())
    assert {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) == {"assay"}
    assert "fcntl" not in loaded  # Windows has none


def test_every_module_of_the_package_is_listed_with_what_a_reader_needs() -> None:
    modules = {path.stem for path in (PROJECT / "src" / "assay" / "orchestration" / "patches").glob("*.py")}
    assert modules - {"__init__", "registry"} == set(NAMES)
    page = next((PROJECT / "docs" / "decisions").glob("*-patches-have-switches.md")).read_text(encoding="utf-8")
    for patch in registry.PATCHES:
        assert all((patch.what, patch.why, patch.tried_on, patch.without))
        assert f"| `{patch.name}` |" in page, f"docs/decisions does not list the patch {patch.name}"


def test_patches_were_tried_on_the_dagster_that_is_pinned() -> None:
    """Whoever raises the pin tries them and raises `tried_on`; the runbook says how."""
    pinned = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    [version] = [match[1] for line in pinned if (match := re.fullmatch(r"dagster==(.+)", line))]
    assert {patch.tried_on for patch in registry.PATCHES} == {f"dagster {version}"}


def test_the_doctor_warns_when_patches_were_tried_on_another_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings.of_patches(TRIED_ON).mark == "ok"
    finding = findings.of_patches("dagster 1.14.0")
    assert finding.mark == "warning"
    assert finding.message.startswith(f"tried on {TRIED_ON}, not on dagster 1.14.0: ")
    assert all(name in finding.message for name in NAMES if registry.is_on(name))
    assert "ASSAY_PATCHES_OFF=all" in finding.do
    monkeypatch.setattr(registry, "PATCHES", (replace(registry.PATCHES[1], tried_on="dagster 1.14.0"),))
    assert findings.of_patches("dagster 1.14.0").mark == "ok"


def test_the_doctor_says_which_patches_are_off_and_warns_of_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.SWITCH, "quiet_console")
    assert "off: " in findings.of_patches(TRIED_ON).message
    assert "quiet_console" in findings.of_patches(TRIED_ON).message
    monkeypatch.setenv(registry.SWITCH, "all")
    assert findings.of_patches("dagster 1.14.0").mark == "ok"
