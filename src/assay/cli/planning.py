"""`assay plan` and `assay apply`: what a change means before anything runs, and a run that does just that."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from assay.base.atomic_write import place
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli import running
from assay.cli.console import out, progress
from assay.cli.git_project import project_at
from assay.cli.plan_report import as_markdown, show
from assay.contract.catalog import Catalog
from assay.planning.plan import Plan, plan_of, state_of
from assay.planning.shapes import Shapes, built_shapes, declared_shapes
from assay.planning.type_check import problems_of_types
from assay.publish.reader import is_of_this_version, open_published
from assay.tables.build_costs import Costs, read_costs
from assay.tables.dbt import compile_models, parse_if_changed

PUBLISHED = "published"
"""What a plan is held against unless a commit is named."""
_KEPT = "plan.json"
"""The last plan against what is published, in the lake."""


class NoPlan(UserError):
    """There is nothing to plan against, or a plan that cannot be applied."""


def plan(against: str, out_file: Path | None, *, as_json: bool, markdown: bool) -> int:
    """Print what a change of the project means.

    Args:
        against: `published`, or a branch, tag or commit.
        out_file: Where the plan is written as well.
        as_json: Whether to print JSON instead of tables.
        markdown: Whether to print Markdown, for a pull request.

    Returns:
        0; 1 where a model would fail, or something breaks and no version says so.
    """
    settings = Settings.from_env()
    with progress("reading the project") as tell:
        made = make_plan(settings, against, tell)
    written = json.dumps(made.as_json(), ensure_ascii=False, indent=1) + "\n"
    if against == PUBLISHED:
        place(settings.home / _KEPT, written.encode(), mtime=time.time())
    if out_file:
        out_file.write_text(written, encoding="utf-8")
    if as_json:
        sys.stdout.write(written)
    elif markdown:
        sys.stdout.write(as_markdown(made))
    else:
        show(made)
    return 0 if made.is_accepted else 1


def make_plan(settings: Settings, against: str, tell: Any = lambda _: None) -> Plan:
    """The plan of the project as it stands.

    Raises:
        NoPlan: Nothing is published yet.
        NoSuchProject: The project cannot be had from git.
        ContractError: A contract cannot be used.
        DbtError: A model does not compile.
    """
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    tell("compiling the models")
    compiled = compile_models(settings)
    after = declared_shapes(catalog, compiled)
    built, costs, state = _lake(settings)
    if against != PUBLISHED:
        tell(f"reading the project of {against}")
        with project_at(settings, against) as other:
            parse_if_changed(other)
            before = declared_shapes(Catalog.read(other.dbt_project), compile_models(other))
    elif built is None:
        raise NoPlan(
            f"nothing is published in {settings.published}, so there is nothing to plan against: `assay run` builds "
            "all of the project; --against COMMIT holds it against another commit"
        )
    else:
        before = built
    tell("binding the models")
    return plan_of(
        catalog,
        compiled,
        before,
        after,
        built=built or before,
        costs=costs,
        problems=problems_of_types(catalog, compiled),
        against="what is published" if against == PUBLISHED else against,
        state=state,
    )


def _lake(settings: Settings) -> tuple[Shapes | None, Costs, str]:
    """What the lake was built with, what that took, and its state; None where there is no lake."""
    try:
        with open_published(settings.published) as connection:
            if not is_of_this_version(connection):
                raise NoPlan("the lake was published by another version of Assay; `assay run` brings it up to date")
            return built_shapes(connection), read_costs(connection), state_of(connection)
    except FileNotFoundError:
        return None, Costs({}), ""


def apply(file: Path | None) -> int:
    """Do what a plan says, unless the lake or the project is not what it was made for.

    Args:
        file: The plan; the last one by default.

    Returns:
        0 when the run succeeded, 1 when not.

    Raises:
        NoPlan: There is none, it would fail, or it does not hold any more.
    """
    settings = running.prepare()
    wanted = _read(file or settings.home / _KEPT)
    with progress("comparing with the plan") as tell:
        _stop_unless_same(wanted, make_plan(settings, PUBLISHED, tell))
    if not wanted["works"]:
        out.print("the plan has nothing to build; `assay run` loads what has arrived")
        return 0
    return running.run("", wanted["full_refresh"], before=lambda: _stop_when_moved_on(settings, wanted))


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        expected = {"state", "works", "full_refresh", "problems", "changes"}
        if not isinstance(read, dict) or not expected <= set(read):
            raise ValueError(f"expected an object with {', '.join(sorted(expected))}")
    except FileNotFoundError as error:
        raise NoPlan(f"there is no plan at {path}; `assay plan` makes one") from error
    except ValueError as error:
        raise NoPlan(f"{path} is not a plan: {error}; `assay plan` makes one") from error
    return read


def _stop_unless_same(wanted: dict[str, Any], now: Plan) -> None:
    present = json.loads(json.dumps(now.as_json()))
    if present["problems"]:
        raise NoPlan("; ".join(problem["message"] for problem in present["problems"]))
    if wanted["state"] != present["state"]:
        raise NoPlan(_MOVED_ON)
    if wanted["changes"] != present["changes"] or wanted["full_refresh"] != present["full_refresh"]:
        raise NoPlan("the project is not the one that was planned; look at `assay plan` again. Nothing was changed")


_MOVED_ON = (
    "the lake has moved on since the plan was made: another run built, changed or dropped a table. Look at "
    "`assay plan` again; nothing was changed"
)


def _stop_when_moved_on(settings: Settings, wanted: dict[str, Any]) -> None:
    """Ask again once no other run can start."""
    with open_published(settings.published) as connection:
        if state_of(connection) != wanted["state"]:
            raise NoPlan(_MOVED_ON)
