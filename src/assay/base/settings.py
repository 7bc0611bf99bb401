"""Where things are. One frozen object; nothing else reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from assay.base.memory import parse_size


class SettingsError(Exception):
    """A variable of the environment has a value that cannot be used."""


PROJECT = Path(__file__).resolve().parents[3]
ENGINE = Path(__file__).resolve().parents[1]
"""The package `assay`."""


@dataclass(frozen=True)
class Settings:
    """The places of one lake.

    Attributes:
        home: `ASSAY_HOME`; everything that Assay writes is below it.
        dbt_project: `ASSAY_DBT_PROJECT`; the folder with dbt_project.yml and profiles.yml.
        settle_seconds: A file that something else writes must keep its size and time this long.
        settle_limit_seconds: A file that is still growing after this is left for the next run.
        lock_wait_seconds: How long a run waits for its turn and for another program to close the warehouse.
        watch_seconds: How long a look of the services at the landing zone lasts while nothing is to be done.
        receivers: `ASSAY_NOTIFY`; URLs that get messages about incidents, separated by blanks.
        run_limit_seconds: `ASSAY_RUN_LIMIT_SECONDS`; a run that takes longer is stopped and counts as failed.
        memory_limit: `ASSAY_MEMORY_LIMIT`; bytes that a run may take; None for half of the memory that there is.
        log: `ASSAY_LOG`; `json` for a line of JSON on standard error for all that a run does, empty for none.
    """

    home: Path
    dbt_project: Path = PROJECT / "dbt_project"
    settle_seconds: float = 2.0
    settle_limit_seconds: float = 30.0
    lock_wait_seconds: float = 3600.0
    foreign_wait_seconds: float = 30.0
    watch_seconds: float = 4.5
    receivers: str = field(default="", repr=False)  # a secret
    run_limit_seconds: int = 7200
    memory_limit: int | None = None
    log: str = ""

    @classmethod
    def from_env(cls) -> Settings:
        """Settings from the environment; by default both folders are those of the repository.

        Raises:
            SettingsError: A value cannot be used.
        """
        return cls(
            home=_home(),
            dbt_project=_folder("ASSAY_DBT_PROJECT", "dbt_project"),
            receivers=os.environ.get("ASSAY_NOTIFY", ""),
            run_limit_seconds=_seconds("ASSAY_RUN_LIMIT_SECONDS", cls.run_limit_seconds),
            memory_limit=_memory(),
            log=_log(),
        )

    @property
    def landing(self) -> Path:
        """Where files arrive."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The one DuckDB file that runs write to."""
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """What readers open."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """The Dagster instance."""
        return self.home / "dagster"

    @property
    def incidents(self) -> Path:
        """The store of incidents, a SQLite file."""
        return self.home / "incidents.sqlite"

    @property
    def scratch(self) -> Path:
        """Files that live no longer than one run."""
        return self.home / "scratch"


def _seconds(variable: str, default: int) -> int:
    said = os.environ.get(variable) or str(default)
    if not (said.isascii() and said.isdigit() and int(said)):
        raise SettingsError(f"{variable} is {said!r}; expected a whole number of seconds, at least 1")
    return int(said)


def _memory() -> int | None:
    said = os.environ.get("ASSAY_MEMORY_LIMIT")
    if said and not parse_size(said):
        raise SettingsError(f"ASSAY_MEMORY_LIMIT is {said!r}; expected a size, such as 4GB or 3.5 GiB")
    return parse_size(said) if said else None


def _log() -> str:
    said = os.environ.get("ASSAY_LOG", "")
    if said not in ("", "json"):
        raise SettingsError(f"ASSAY_LOG is {said!r}; expected json, or nothing")
    return said


def _home() -> Path:
    """The folder of the lake; dbt-duckdb reads the path of a database as an URL, and would cut it at these marks."""
    home = _folder("ASSAY_HOME", "data")
    if marks := sorted(set(";?#") & set(str(home))):
        raise SettingsError(
            f"ASSAY_HOME is {str(home)!r}; its path must not hold {' or '.join(marks)}: rename the folder"
        )
    return home


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or PROJECT / default).expanduser().resolve()
