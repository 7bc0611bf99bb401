"""`assay dev`: Dagster's UI and daemon on the lake, in the foreground."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import yaml

from assay.base import log
from assay.base.errors import UserError
from assay.base.fork_mark import is_fork
from assay.base.project import MARKER, definitions_of
from assay.base.settings import Settings
from assay.base.signals import heed_interrupts
from assay.cli import feed_nodes, serving
from assay.cli.console import err
from assay.cli.running import prepare
from assay.fetching.supervisor import Supervisor
from assay.orchestration.instance import CODE_LOCATION
from assay.orchestration.patches.dev_instance import serve_instance_of

HOST = "127.0.0.1"
"""Dagster has no login, so nobody but this machine gets in."""


class PortTaken(UserError):
    """Something else listens on the port of the UI."""


def dev(port: int, *, has_feeds: bool = True, page_port: int | None = None) -> None:
    """Run `dagster dev` on the lake until Ctrl-C or SIGTERM.

    Args:
        port: Of the UI, on this machine only.
        has_feeds: Whether to run the feeds of the project too, where the settings do not say otherwise.
        page_port: Of the page, on this machine only; None for no page.

    Raises:
        PortTaken: The port is in use.
    """
    _need_free(port)
    settings = prepare()
    os.environ["ASSAY_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    if (settings.project / MARKER).is_file():  # otherwise the dbt project alone says which one it is
        os.environ["ASSAY_PROJECT"] = str(settings.project)
    os.environ["ASSAY_DBT_PROJECT"] = str(settings.dbt_project)
    os.chdir(settings.project)  # Dagster reads `.env` and more from where it is started: let that be one place
    import dagster as dg  # noqa: PLC0415 - 1.3 s that `assay status` should not cost
    from dagster._cli.dev import dev_command  # noqa: PLC0415 - as above

    if not has_feeds:
        os.environ["ASSAY_SUPERVISE_FEEDS"] = "false"  # so that the sensor of incidents misses none
    if page_port is not None and settings.page_url == Settings.model_fields["page_url"].default:  # none is named
        os.environ["ASSAY_PAGE_URL"] = f"http://{HOST}:{page_port}"
    serve_instance_of(settings)
    heed_interrupts()
    if log.is_on():
        log.info("services begun", address=f"http://{HOST}:{port}")
    else:
        err.print(f"The UI will be at [bold]http://{HOST}:{port}[/] in some seconds; Ctrl-C ends it.", highlight=False)
    running = (_keeping_libraries(settings), _running_feeds(settings, has_feeds=has_feeds), _serving_page(page_port))
    with warnings.catch_warnings(), running[0], running[1], running[2]:
        warnings.simplefilter("ignore", dg.SupersessionWarning)  # says to use another product's command
        dev_command.main(
            ["-w", str(_workspace(settings)), "-h", HOST, "-p", str(port), *_log_format(settings)],
            prog_name="assay dev",
            standalone_mode=False,
        )


@contextmanager
def _keeping_libraries(settings: Settings) -> Iterator[None]:
    """Keep a process from which `assay run` is forked, as long as this one lives; not where libraries forbid a fork."""
    if sys.platform != "linux":
        yield
        return
    command = [sys.executable, "-P", "-m", "assay.cli.warm_server", str(settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # noqa: S603 - a command of ours
        yield


@contextmanager
def _serving_page(port: int | None) -> Iterator[None]:
    """Serve the page from a process of its own, as long as this one lives; not on a port that is taken."""
    if port is None:
        yield
        return
    try:
        _need_free(port)
    except PortTaken:
        _warn(f"port {port} is taken, so there is no page here; another one may be running: --page-port takes another")
        yield
        return
    command = [sys.executable, "-P", "-m", "assay.cli.page", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # noqa: S603 - a command of ours
        yield


def _warn(sentence: str) -> None:
    if log.is_on():
        log.warning(sentence)
    else:
        err.print(f"[yellow]{sentence}[/]", highlight=False)


def _running_feeds(settings: Settings, *, has_feeds: bool) -> AbstractContextManager[None]:
    """Run each feed beside Dagster as long as the block lasts; not of a fork, which would take from the source."""
    if not (has_feeds and settings.supervise_feeds) or is_fork(settings.home):
        return nullcontext()
    return Supervisor(settings, feed_nodes.COMMAND, serving.COMMAND).running()


def _workspace(settings: Settings) -> Path:
    """The project's `workspace.yaml`; one that loads what declares it where it has none."""
    own = settings.project / "workspace.yaml"
    if own.is_file():
        return own
    path = settings.dagster_home / "workspace.yaml"
    file = definitions_of(settings.project)
    loaded = {"relative_path": str(file), "working_directory": str(file.parent), "location_name": CODE_LOCATION}
    path.write_text(yaml.safe_dump({"load_from": [{"python_file": loaded}]}), encoding="utf-8")
    return path


def _log_format(settings: Settings) -> list[str]:
    return ["--log-format", "json"] if settings.log == "json" else []


def _need_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} of {HOST} cannot be used ({error.strerror}); another `assay dev` may be running: "
                "open it or end it, or take another port with --port"
            ) from error
