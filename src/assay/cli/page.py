"""`assay page`: the page that people look at, served from what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.base import log
from assay.base.settings import Settings
from assay.cli.console import err, out
from assay.page.app import Page
from assay.page.dashboards.views import dashboard_views
from assay.page.guard import Guard
from assay.page.serving import serve
from assay.page.views import VIEWS
from assay.tables.dbt import parse_if_changed

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def page(host: str, port: int) -> None:
    """Serve the page until the process is told to end.

    Args:
        host: Where it listens.
        port: 0 for any that is free.

    Raises:
        CannotListen: The address cannot be used.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    guard = Guard(host)
    views = (*VIEWS, *dashboard_views(settings.project, frozenset(view.path for view in VIEWS)))
    if not guard.may_act:
        _warn(f"whoever reaches {host} sees this lake: the page has no login. Incidents are read only there.")

    def make() -> ASGIApp:
        pages = Page(settings, guard, views)
        pages.begin()
        return pages.app()

    serve(make, host, port, _tell)


def _tell(address: str) -> None:
    if log.is_on():
        log.info("page begun", address=address)
    else:
        out.print(f"The page is at {address}; Ctrl-C ends it.", highlight=False, markup=False)


def _warn(sentence: str) -> None:
    if log.is_on():
        log.warning(sentence)
    else:
        err.print(f"[yellow]{sentence}[/]", highlight=False)
