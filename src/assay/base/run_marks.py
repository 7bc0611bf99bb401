"""The lock of the lake and the marks of live runs: files that a process keeps locked until it ends."""

from __future__ import annotations

import os
from pathlib import Path

from assay.base.run_lock import RunLock, is_locked
from assay.base.settings import Settings


def run_lock(settings: Settings) -> RunLock:
    """The lock that the only writer of the lake holds."""
    return RunLock(lock_path(settings))


def lock_path(settings: Settings) -> Path:
    """The file of the run lock; its line says who holds it, or held it and did not end."""
    return settings.home / "run.lock"


def alive_path(settings: Settings, run_id: str) -> Path:
    """A file that the process of a run holds locked for as long as it lives."""
    return settings.dagster_home / "alive" / f"{run_id}.lock"


def mark_alive(settings: Settings, run_id: str) -> RunLock:
    """Mark the process of this run as alive, until the mark is released or the process ends."""
    path = alive_path(settings, run_id)
    aside = path.with_suffix(".new")
    mark = RunLock(aside)
    mark.acquire(f"run {run_id} (process {os.getpid()})", wait_seconds=0)
    aside.replace(path)  # only now can others see it: a mark that is not locked means death
    return mark


def is_dead(settings: Settings, run_id: str) -> bool:
    """Whether the process of a run is known to be gone: it left its mark behind, unlocked."""
    path = alive_path(settings, run_id)
    return path.exists() and not is_locked(path)


def forget_dead(settings: Settings) -> None:
    """Remove the marks of processes that are gone."""
    for path in (settings.dagster_home / "alive").glob("*.lock"):
        if not is_locked(path):
            path.unlink(missing_ok=True)
