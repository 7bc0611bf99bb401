"""The settings of a lake: its folders and how runs behave. One frozen object; nothing else reads the environment."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from assay.base.archive_limits import ArchiveLimits
from assay.base.cron import parse_cron
from assay.base.errors import UserError
from assay.base.project import MARKER, find_project
from assay.base.sizes import parse_size

_PREFIX = "ASSAY_"
_FOLDERS = ("home", "dbt_project")
_EXPECTED = {
    "log": "json, or nothing",
    "home": "the path of a folder",
    "dbt_project": "the path of a folder",
    "memory_limit": "a size, such as 4GB or 3.5 GiB",
    "spill_limit": "a size, such as 40GB or 35.5 GiB",
    "run_limit_seconds": "a whole number of seconds, at least 1",
    "history_days": "a whole number of days, at least 1",
    "run_history_days": "a whole number of days, at least 1",
    "archive_members": "a whole number, at least 1",
    "archive_size": "a size, such as 4GB or 3.5 GiB",
    "archive_ratio": "a whole number, at least 1",
    "supervise_feeds": "true or false",
    "serve_port": "a port, 0 to 65535",
    "serve_host": "an address or name of this machine, such as 127.0.0.1",
    "feed_backlog_files": "a whole number, at least 1",
    "feed_backlog_size": "a size, such as 4GB or 3.5 GiB",
    "feed_reserve": "a size, such as 4GB or 3.5 GiB",
    "clear_for": "names of users of this machine, separated by blanks",
    "page_url": "an address that begins with http:// or https://, without a path, or nothing",
    "report_schedule": "a schedule as cron has it, with a time zone or without, such as 0 6 * * 1 Europe/Berlin",
    "commands": "the module and name of a Typer app, such as demo.commands:app",
}
_WHOLE_NUMBERS = (
    *("run_limit_seconds", "history_days", "run_history_days", "archive_members", "archive_ratio"),
    *("feed_backlog_files", "serve_port"),
)
_SIZES = ("memory_limit", "spill_limit", "archive_size", "feed_backlog_size", "feed_reserve")
_LEAST_SIZE = 1 << 20
"""Bytes; a limit below it is a number without its unit."""
_CLOSE = 0.85
"""How alike names are, of 1, of which one is probably meant to be the other."""
_SECONDS = "a number of seconds, at least 0"


class SettingsError(UserError):
    """A setting has a value that cannot be used."""


class Settings(BaseSettings):
    """The places of one lake, and how its runs behave.

    Made directly it reads nothing; `from_env` reads, in this order, the environment (`ASSAY_HOME` is `home`), the
    project's `.env`, its `assay.toml`, and takes the default for what none of them says.

    Attributes:
        project: The folder that declares the lake; `ASSAY_PROJECT` names it.
        home: Everything that Assay writes is below it; `data` in the project.
        dbt_project: The folder with dbt_project.yml and profiles.yml; `dbt_project` in the project.
        settle_seconds: A file that something else writes must keep its size and time this long.
        settle_limit_seconds: A file that is still growing after this is left for the next run.
        lock_wait_seconds: How long a run waits for its turn.
        foreign_wait_seconds: How long a run waits for another program to close the warehouse.
        watch_seconds: How long a look of the services at the landing zone lasts while nothing is to be done.
        state_seconds: How long readers keep a state of the published tables after it was replaced.
        history_days: How long results of checks, counts, scores and decisions of runs are kept.
        run_history_days: How long Dagster keeps a run with its events; the last of each table stays.
        notify: URLs that get messages about incidents, separated by blanks.
        run_limit_seconds: A run that takes longer is stopped and counts as failed.
        memory_limit: Bytes that a run may take; None for half of the memory that there is.
        spill_limit: Bytes of disk for what does not fit into it; None for half of what is free when a run begins.
        archive_members: How many members a zip archive may have.
        archive_size: Bytes that the members of a zip archive may unpack to.
        archive_ratio: Bytes that one byte of a member may unpack to.
        clear_for: Users of this machine, separated by blanks, to whom commands show values about people on request.
        supervise_feeds: Whether the services run the feeds of the project.
        serve_host: Where webhooks are taken: an address or name of this machine.
        serve_port: As above; 0 for any that is free.
        feed_backlog_files: A feed pauses while so many of its files in landing are not loaded.
        feed_backlog_size: Or files of so many bytes.
        feed_reserve: Or while less than so many bytes of the disk are free; None for 5 %, 10 GB at most.
        page_url: Where people find the page; Dagster's UI links to it. Empty for no link.
        report_schedule: When the services write a report, as cron has it; empty for never.
        log: `json` for a line of JSON on standard error for all that a run does, empty for none.
        commands: Commands of the project's own: module and name of a Typer app.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid")

    home: Path
    project: Path = Path()
    dbt_project: Path = Path("dbt_project")
    settle_seconds: float = Field(default=2.0, ge=0)
    settle_limit_seconds: float = Field(default=30.0, ge=0)
    lock_wait_seconds: float = Field(default=3600.0, ge=0)
    foreign_wait_seconds: float = Field(default=30.0, ge=0)
    watch_seconds: float = Field(default=4.5, ge=0)
    state_seconds: float = Field(default=86400.0, ge=0)
    history_days: int = Field(default=90, ge=1)
    run_history_days: int = Field(default=30, ge=1)
    notify: SecretStr = SecretStr("")
    run_limit_seconds: int = Field(default=7200, ge=1)
    memory_limit: int | None = Field(default=None, ge=_LEAST_SIZE)
    spill_limit: int | None = Field(default=None, ge=_LEAST_SIZE)
    archive_members: int = Field(default=ArchiveLimits.members, ge=1)
    archive_size: int = Field(default=ArchiveLimits.size, ge=1)
    archive_ratio: int = Field(default=ArchiveLimits.ratio, ge=1)
    clear_for: str = ""
    supervise_feeds: bool = True
    serve_host: str = Field(default="127.0.0.1", min_length=1)
    serve_port: int = Field(default=8765, ge=0, le=65535)
    feed_backlog_files: int = Field(default=1000, ge=1)
    feed_backlog_size: int = Field(default=10_000_000_000, ge=_LEAST_SIZE)
    feed_reserve: int | None = Field(default=None, ge=0)
    page_url: str = Field(default="http://127.0.0.1:3001", pattern=r"^(https?://[^/\s]+)?$")
    report_schedule: str = ""
    log: Literal["", "json"] = ""
    commands: str = Field(default="", pattern=r"^([\w.]+:\w+)?$")

    @model_validator(mode="before")
    @classmethod
    def _around(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Take the folder around the dbt project for the project, unless one is given."""
        return {"project": Path(options["dbt_project"]).parent, **options} if "dbt_project" in options else options

    @field_validator(*_SIZES, mode="before")
    @classmethod
    def _size(cls, value: object) -> object:
        size = parse_size(value) if isinstance(value, str) else None
        return value if not isinstance(value, str) else "not a size" if size is None else size

    @field_validator(*_WHOLE_NUMBERS, mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        is_number = not isinstance(value, str) or (value.isascii() and value.isdigit())
        return value if is_number and not isinstance(value, bool) else "not a whole number"

    @field_validator("report_schedule")
    @classmethod
    def _schedule(cls, value: str) -> str:
        if value:
            parse_cron(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings calls it with these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read settings that are made directly from their arguments alone, not from the environment."""
        return (init_settings,)

    @classmethod
    def from_env(cls) -> Settings:
        """The settings of the project that is found from here; see `find_project`.

        Raises:
            ProjectNotFound: There is none.
            SettingsError: A value cannot be used, or `assay.toml` has a key that is not a setting.
        """
        project = find_project()
        options: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for where, values in _sources(cls, project):
            for name, value in values.items():
                if name not in options:
                    options[name], origin[name] = value, where.format(name=name, variable=_PREFIX + name.upper())
        options["project"] = project
        options = {"home": project / "data", "dbt_project": project / "dbt_project", **options}
        try:
            settings = cls(**options)
        except ValidationError as error:
            raise _explained(error, options, origin) from error
        if problem := problem_of_home(settings.home):
            raise SettingsError(f"{origin.get('home', 'home')} is {str(settings.home)!r}; {problem}")
        return settings

    @property
    def landing(self) -> Path:
        """The folder in which files arrive."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The one DuckDB file that runs write to."""
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """The folder of what readers open."""
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
    def archive_limits(self) -> ArchiveLimits:
        """What a zip archive may be at most."""
        return ArchiveLimits(self.archive_members, self.archive_size, self.archive_ratio)

    @property
    def scratch(self) -> Path:
        """Files that live no longer than one run."""
        return self.home / "scratch"


def problem_of_home(home: Path) -> str:
    """Why a folder cannot hold a lake; empty when it can."""
    marks = sorted(set(re.findall("[;?#]|%[0-9a-fA-F]{2}", str(home))))
    if marks:  # dbt-duckdb and Dagster's storage read it as an URL
        return f"its path must not hold {' or '.join(marks)}: rename the folder"
    return "expected a folder, found a file" if home.is_file() else ""


def _sources(cls: type[Settings], project: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """The options of each source, the one that outranks the others first, each after how a message names its values."""
    here = Path.cwd()
    environment = EnvSettingsSource(cls)
    try:
        from_toml = _toml(project / MARKER)
    except ValueError as error:
        raise SettingsError(f"{project / MARKER}: is not TOML: {error}") from error
    try:
        from_dotenv = _dotenv(cls, project)()
    except ValueError as error:
        raise SettingsError(f"{project / '.env'}: is not text in UTF-8: {error}") from error
    return [
        ("{variable}", _resolved(environment(), here)),
        (f"{{variable}} in {project / '.env'}", _resolved(_known(cls, from_dotenv), project)),
        (f"{{name}} in {project / MARKER}", _resolved(from_toml, project)),
    ]


def _toml(path: Path) -> Mapping[str, Any]:
    """The options of a file, whose text some editors begin with a mark of its encoding."""
    return tomllib.loads(path.read_text(encoding="utf-8-sig")) if path.exists() else {}


def misspelt(settings: Settings) -> dict[str, str]:
    """Variables of the environment and of `.env` that are nearly called like one that is a setting, each with that."""
    known = [_PREFIX + name.upper() for name in Settings.model_fields]
    in_file = map(str.upper, _dotenv(Settings, settings.project).env_vars)
    others = sorted(name for name in {*os.environ, *in_file} if name.startswith(_PREFIX) and name not in known)
    alike = {name: get_close_matches(name, known, n=1, cutoff=_CLOSE) for name in others}
    return {name: near[0] for name, near in alike.items() if near}


def _dotenv(cls: type[Settings], project: Path) -> DotEnvSettingsSource:
    return DotEnvSettingsSource(cls, env_file=project / ".env", env_file_encoding="utf-8-sig")


def _known(cls: type[Settings], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the options that are settings; a `.env` may hold variables of others."""
    return {name: value for name, value in options.items() if name in cls.model_fields}


def _resolved(options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Make the folders of a source's options absolute; a relative one starts from the folder of the source."""
    named = [name for name in _FOLDERS if isinstance(options.get(name), str)]
    return {**options, **{name: (folder / Path(options[name]).expanduser()).resolve() for name in named}}


def _explained(error: ValidationError, options: Mapping[str, Any], origin: Mapping[str, str]) -> SettingsError:
    first = error.errors()[0]
    name = str(first["loc"][0])
    where = origin.get(name, name)
    if first["type"] == "extra_forbidden":
        known = ", ".join(field for field in Settings.model_fields if field != "project")
        return SettingsError(f"{where}: is not a setting; known are {known}")
    value = "not text" if name == "notify" else repr(options.get(name))  # as it was written; URLs hold secrets
    return SettingsError(f"{where} is {value}; expected {_EXPECTED.get(name, _SECONDS)}")
