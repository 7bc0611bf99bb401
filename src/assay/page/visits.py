"""What a view is: a function from a visit to an answer.

A visit holds one whole published state for as long as it lasts, so all figures of a view are of one state. Whoever
adds a view names it in `views.VIEWS`, or passes it to the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.incidents.reconcile import Incident
from assay.publish.whole_state import WholeState

NOT_FOUND = 404


class NotThere(Exception):
    """What an address names is not there; the message says what is, in a sentence."""


@dataclass(frozen=True)
class Visit:
    """A request, and all that its answer may be made of.

    Attributes:
        settings: The lake.
        catalog: The project.
        state: What is published; None before the first run has ended.
        incidents: The open ones, the highest level first.
        now: The time.
        path: The parts of the address that the view's path names.
        query: What stands behind the question mark.
        may_act: Whether incidents may be taken and closed here.
        compiled: Gives the compiled SQL of each model.
    """

    settings: Settings
    catalog: Catalog
    state: WholeState | None
    incidents: tuple[Incident, ...]
    now: datetime
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    may_act: bool = False
    compiled: Callable[[], Mapping[str, str]] = dict

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """What is published; only of a visit with a state, which views that need one are given."""
        if self.state is None:
            raise NotThere("nothing is published yet; `assay run` loads what has arrived")
        return self.state.connection


@dataclass(frozen=True)
class Answer:
    """What a view shows.

    Attributes:
        template: A file of `templates/`, or of a folder that the view's package adds.
        title: Of the browser's tab, a few words.
        values: By the names that the template uses.
        status: Of HTTP.
    """

    template: str
    title: str
    values: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True)
class Download:
    """A file that a view gives.

    Attributes:
        name: As it is saved.
        media_type: As HTTP has it.
        content: All of it.
        policy: What it may do when it is looked at in the browser, as a Content-Security-Policy; empty for a file that
            is only saved.
    """

    name: str
    media_type: str
    content: bytes
    policy: str = ""


@dataclass(frozen=True)
class View:
    """A part of the page.

    Attributes:
        path: Of its address, as Starlette writes it: `/table/{name:path}`.
        answer: Makes what is shown.
        in_navigation: The words by which the navigation calls it; empty for one that others link to.
        needs_state: Whether it is called only when something is published.
    """

    path: str
    answer: Callable[[Visit], Answer | Download]
    in_navigation: str = ""
    needs_state: bool = True
