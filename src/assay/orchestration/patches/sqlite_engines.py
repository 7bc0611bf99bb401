"""Dagster's SQLite storage keeps its connections instead of opening one for each statement.

To close the last connection to a database makes SQLite tidy it up; anew for each of a run's 800 statements, with an
engine of its own, that is a third of a small run. What is left in the write-ahead log by it is noticed by nobody who
waits for a change of the database, as Dagster's UI does for the events of a run; so the file is touched after a commit.

Which revisions of its tables there are is read once as well: Dagster imports the ninety files of them for each database
that it opens, which is seven times in a small run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from assay.orchestration.patches.registry import switchable

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Engine

_ENGINES = 8
_CHANGED = "assay_changed"
"""In what SQLAlchemy keeps with a connection: whether something was committed since it was taken."""


@switchable("sqlite_engines")
def reuse_engines() -> None:
    """Replace `create_engine` and the list of revisions in Dagster's storage; once more changes nothing."""
    from dagster._core.storage import sql  # noqa: PLC0415 - 1.3 s that only a run costs
    from dagster._core.storage.event_log.sqlite import sqlite_event_log  # noqa: PLC0415 - as above
    from dagster._core.storage.runs.sqlite import sqlite_run_storage  # noqa: PLC0415 - as above

    engines = [(module, _create_engine_of(module)) for module in (sqlite_event_log, sqlite_run_storage)]
    for module, create_engine in engines:
        if not isinstance(create_engine, _Engines):
            vars(module)["create_engine"] = _Engines(create_engine)
    scripts: type[ScriptDirectory] | _Scripts = sql.ScriptDirectory  # type: ignore[attr-defined]
    if not isinstance(scripts, _Scripts):
        vars(sql)["ScriptDirectory"] = _Scripts(scripts)


def _create_engine_of(module: ModuleType) -> Callable[..., Engine]:
    create_engine: Callable[..., Engine] = module.create_engine
    return create_engine


class _Engines:
    """A `create_engine` that caches the engines of the last few databases.

    A connection is never handed out twice at a time: Dagster opens one inside the transaction of another, and the
    first to be given back would roll the other one's events back without a word.
    """

    def __init__(self, create_engine: Callable[..., Engine]) -> None:
        self._create = create_engine
        self._made: dict[str, Engine] = {}

    def __call__(self, url: str, **arguments: object) -> Engine:
        from sqlalchemy import event  # noqa: PLC0415 - Dagster imports it
        from sqlalchemy.pool import QueuePool  # noqa: PLC0415 - as above

        if url not in self._made:
            while len(self._made) >= _ENGINES:
                self._made.pop(next(iter(self._made))).pool.dispose()
            pooled = {"poolclass": QueuePool, "connect_args": {**_connect_args(arguments), "check_same_thread": False}}
            engine = self._create(url, **{**arguments, **pooled})
            vars(engine)["dispose"] = _keep_open
            event.listen(engine, "connect", _trust_the_log)
            event.listen(engine, "commit", _note_commit)
            event.listen(engine, "checkin", _Toucher(str(engine.url.database)))
            self._made[url] = engine
        return self._made[url]


class _Scripts:
    """A `ScriptDirectory` that reads the revisions of a place once; nothing is written there while Dagster runs.

    Args:
        scripts: The class of Alembic.
    """

    def __init__(self, scripts: type[ScriptDirectory]) -> None:
        self._scripts = scripts
        self._read: dict[str | None, ScriptDirectory] = {}

    def from_config(self, config: Config) -> ScriptDirectory:
        """The revisions that a configuration names."""
        place = config.get_main_option("script_location")
        if place not in self._read:
            self._read[place] = self._scripts.from_config(config)
        return self._read[place]


def _connect_args(arguments: Mapping[str, object]) -> dict[str, object]:
    options = arguments.get("connect_args")
    return dict(options) if isinstance(options, dict) else {}


def _trust_the_log(connection: Any, _: object) -> None:
    """Wait for the disk at checkpoints of the write-ahead log, not at each of a run's 800 statements.

    A loss of power may cost the last events of a run, never the database; what data is stored stands in the warehouse.
    """
    connection.execute("pragma synchronous = normal")


def _note_commit(connection: Any) -> None:
    """Called before the commit: what it stores is not there yet for those who are told now."""
    connection.info[_CHANGED] = True


class _Toucher:
    """Sets the time of a database's file when a connection that has committed is given back.

    Args:
        path: The file; one that is not there, as of a database in memory, is left alone.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, _: object, record: Any) -> None:
        if record.info.pop(_CHANGED, False):
            with suppress(OSError):
                os.utime(self._path)


def _keep_open(close: bool = True) -> None:
    """Replaces `dispose`, which Dagster calls after each statement, and does nothing."""
