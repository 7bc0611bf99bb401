"""`assay page`: the page that people look at, served from what is published."""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread

from assay.base import log
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.console import complain, out, warn
from assay.page.app import Page
from assay.page.dashboards.views import dashboard_views
from assay.page.guard import Guard
from assay.page.serving import serve
from assay.page.views import VIEWS
from assay.tables.dbt import parse_if_changed

_HOST = "127.0.0.1"


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
    pages = _pages(settings, guard)
    if not guard.may_act:
        warn(f"whoever reaches {host} sees this lake: the page has no login. Incidents are read only there.")
    pages.begin()
    serve(pages.app, host, port, _tell)


def main() -> None:
    """Serve the page of the services on a port of this machine, until standard input ends: they hold the other end."""
    Thread(target=_end_with_input, name="parent", daemon=True).start()
    try:
        serve(_pages(Settings.from_env(), Guard(_HOST)).app, _HOST, int(sys.argv[1]), _tell)
    except UserError as error:
        complain(str(error), "page:")
        sys.exit(1)


def _pages(settings: Settings, guard: Guard) -> Page:
    """The engine's views, and those that the project declares."""
    own = dashboard_views(settings.project, frozenset(view.path for view in VIEWS))
    return Page(settings, guard, (*VIEWS, *own))


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):  # not by `sys.stdin`, whose lock would outlive the interpreter
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(address: str) -> None:
    if log.is_on():
        log.info("page begun", address=address)
    else:
        out.print(f"The page is at {address}; Ctrl-C ends it.", highlight=False, markup=False)


if __name__ == "__main__":
    main()
