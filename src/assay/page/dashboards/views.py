"""The views of the page that a project's dashboards are."""

from __future__ import annotations

from pathlib import Path

import duckdb

from assay.base.duckdb_errors import first_line
from assay.base.user_code import raised_by_project
from assay.contract.names import table_of
from assay.page.dashboards.board import Board
from assay.page.dashboards.declared import Dashboards, Declared
from assay.page.dashboards.figures import Figure
from assay.page.visits import Answer, NotThere, View, Visit
from assay.trust.table_trust import read_trust


def dashboard_views(project: Path, taken: frozenset[str] = frozenset()) -> tuple[View, ...]:
    """A view for each dashboard that there is when the page starts.

    Args:
        project: The folder of the project.
        taken: Paths that the page has itself; a dashboard of such a name is served below `/own`.
    """
    dashboards = Dashboards(project)
    views: list[View] = []
    for declared in dashboards.all():
        path = f"/own{declared.path}" if declared.path in taken else declared.path
        if path not in {view.path for view in views}:
            title = declared.title if declared.is_listed else ""
            views.append(View(path, _Answered(dashboards, declared), title))
    return tuple(views)


class _Answered:
    """What one dashboard answers, made by its file as it is now."""

    def __init__(self, dashboards: Dashboards, declared: Declared) -> None:
        self._dashboards, self._path = dashboards, declared.path

    def __call__(self, visit: Visit) -> Answer:
        declared = self._dashboards.at(self._path)
        if declared is None:
            raise NotThere(f"the file of this dashboard does not declare {self._path!r} any more")
        board = Board(visit)
        _fill(board, declared, visit)
        return shown(board, declared.title, visit)


def _fill(board: Board, declared: Declared, visit: Visit) -> None:
    """Let a project's function put its figures on the board; what goes wrong in it is one of them."""
    if declared.make is None:
        board.figures.append(Figure("problem", declared.title, values={"problem": declared.problem}))
        return
    try:
        declared.make(board)
    except duckdb.Error as error:
        problem = raised_by_project(error, visit.settings.project) or first_line(error)
        board.figures.append(Figure("problem", "The rest of this view", values={"problem": problem}))
    except Exception as error:
        if not (problem := raised_by_project(error, visit.settings.project)):
            raise
        board.figures.append(Figure("problem", "The rest of this view", values={"problem": problem}))


def shown(board: Board, title: str, visit: Visit) -> Answer:
    """A board with what is known of the tables that its figures were read from."""
    tables = list(dict.fromkeys(table for figure in board.figures for table in figure.tables))
    promised = set(map(table_of, visit.catalog.of_layer("gold", "silver")))
    followed = [table for table in tables if table in promised]
    trusts = read_trust(visit.connection, visit.catalog, followed, visit.now)
    parts = [(figure, [trusts[table] for table in figure.tables if table in trusts]) for figure in board.figures]
    return Answer("dashboard.html.j2", title, {"heading": title, "parts": parts, "choices": board.choices})
