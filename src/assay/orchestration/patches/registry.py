"""Every patch with its reason, the version it was tried on, and the switch that turns it off.

`ASSAY_PATCHES_OFF` names patches to leave out, separated by commas, or is `all`. The lake works without each of them,
slower or with less to see. A patch whose private name is gone turns itself off and says so once.

Nothing heavy is imported here: `assay.cli.start` asks before anything heavy is loaded. For the same reason
this is the one module besides `assay.base.settings` that reads the environment.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

from assay.base.errors import UserError

SWITCH = "ASSAY_PATCHES_OFF"
ALL = "all"
_TRIED_ON = "dagster 1.13.27"
_LOG = logging.getLogger(__name__)
_P = ParamSpec("_P")
_failed: set[str] = set()


class UnknownPatch(UserError):
    """`ASSAY_PATCHES_OFF` names something that is not a patch."""


@dataclass(frozen=True)
class Patch:
    """One change to what a library does.

    Attributes:
        name: As in `ASSAY_PATCHES_OFF`, and the module of this package.
        what: What is replaced.
        why: What that gains.
        tried_on: The version of the library that it was tried on.
        without: What a user notices when it is off.
        only_on: The one `sys.platform` that it is for; empty for all.
    """

    name: str
    what: str
    why: str
    tried_on: str
    without: str
    only_on: str = ""


PATCHES = (
    Patch(
        name="forkserver",
        what="`Process` of the multiprocessing context from which Dagster's code server starts runs",
        why="a run of the services begins with its libraries imported",
        tried_on=_TRIED_ON,
        without="runs of the services are spawned and begin some four seconds later",
        only_on="linux",
    ),
    Patch(
        name="sqlite_engines",
        what="`create_engine` and `ScriptDirectory` in Dagster's SQLite storage of runs and events",
        why="connections are kept for a run's 800 statements, and the revisions of its tables are read once",
        tried_on=_TRIED_ON,
        without="a small run takes about a third longer",
    ),
    Patch(
        name="run_origin",
        what="`create_run_for_job` of the instance that `assay run` opens",
        why="its runs carry the origin that runs of the UI carry",
        tried_on=_TRIED_ON,
        without="the UI's timeline and the job's page leave out runs of `assay run`; the list of runs has them",
    ),
    Patch(
        name="quiet_console",
        what="`default_system_loggers` of runs of the services, while `ASSAY_LOG=json`",
        why="standard error holds JSON alone, and no value out of the data",
        tried_on=_TRIED_ON,
        without="Dagster's own lines, which may quote data, stand between those of JSON",
    ),
    Patch(
        name="dev_instance",
        what="`DagsterInstance.get` in the process of `assay dev`",
        why="Dagster misses the configuration of a lake in a folder such as `data [old]`",
        tried_on=_TRIED_ON,
        without="the services of a lake in such a folder run with Dagster's defaults; in others nothing changes",
    ),
    Patch(
        name="old_observations",
        what="rows of events without a run, which are deleted from Dagster's SQLite storage of events",
        why="observations of feeds that are older than `run_history_days` are dropped",
        tried_on=_TRIED_ON,
        without="observations of feeds stay for ever, and the storage grows by some of them a day",
    ),
    Patch(
        name="gc_tuning",
        what="how often Python looks for garbage that holds itself",
        why="Dagster and dbt make a million objects that stay, and each look goes through them",
        tried_on=_TRIED_ON,
        without="a command takes about two seconds longer to begin and to end",
    ),
)


def is_on(name: str) -> bool:
    """Whether a patch is to be applied: nobody switched it off, this system can have it, and it has not failed.

    Args:
        name: Of one of `PATCHES`.

    Raises:
        UnknownPatch: The environment names something that is not a patch.
    """
    patch = next(patch for patch in PATCHES if patch.name == name)
    return patch.only_on in ("", sys.platform) and name not in switched_off() | _failed


def switched_off() -> frozenset[str]:
    """The patches that `ASSAY_PATCHES_OFF` names.

    Raises:
        UnknownPatch: It names something else.
    """
    known = frozenset(patch.name for patch in PATCHES)
    asked = {name.strip() for name in os.environ.get(SWITCH, "").split(",")} - {""}
    unknown = sorted(asked - known - {ALL})
    if unknown:
        raise UnknownPatch(
            f"{SWITCH} names {', '.join(map(repr, unknown))}; expected {ALL}, or some of {', '.join(sorted(known))}"
        )
    return known if ALL in asked else frozenset(asked)


def switchable(name: str) -> Callable[[Callable[_P, None]], Callable[_P, None]]:
    """Make a function that applies a patch do nothing where the patch is off.

    A private name that is gone (AttributeError, ImportError) turns the patch off for the rest of the process, with one
    warning: the library changed, and a command works without the patch.

    Args:
        name: Of one of `PATCHES`.
    """

    def decorate(apply: Callable[_P, None]) -> Callable[_P, None]:
        @functools.wraps(apply)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> None:
            if not is_on(name):
                return
            try:
                apply(*args, **kwargs)
            except (AttributeError, ImportError) as error:
                give_up(name, error)

        return guarded

    return decorate


def give_up(name: str, reason: object) -> None:
    """Turn a patch off for the rest of this process and say so, once.

    Args:
        name: Of one of `PATCHES`.
        reason: What was not as the patch needs it.
    """
    if name not in _failed:
        _failed.add(name)
        _LOG.warning("the patch %s is off, because Dagster is not as it expects: %s", name, reason)


def tried_on_others(installed: str) -> list[Patch]:
    """The patches that are on and were tried on another version than the one that is installed.

    Args:
        installed: A library and its version, as `dagster 1.13.27`.
    """
    return [patch for patch in PATCHES if is_on(patch.name) and patch.tried_on != installed]
