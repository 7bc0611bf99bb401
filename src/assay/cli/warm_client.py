"""Hands `assay run` over to a process that has imported what a run imports, where the services keep one."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from assay.base import log
from assay.base.handing_over import WHERE, Message, is_of_this_user, made_of, send_message
from assay.base.settings import Settings
from assay.base.signals import answered_by
from assay.cli.console import complain, stopped

PATIENCE = 5.0
"""Seconds in which the other process has to answer; a second is much."""

is_handed_over = False
"""Whether this process is the one that a command was handed over to."""


def hand_over(settings: Settings, arguments: Sequence[str]) -> int | None:
    """Let a command be run where its libraries are, with the output of this process, and give its exit code.

    Args:
        settings: The lake.
        arguments: Of the command, as they were typed.

    Returns:
        The exit code; None where there is no such process, so that the command has to be run here.
    """
    if is_handed_over or None in (sys.stdin, sys.stdout, sys.stderr):  # a closed one cannot be handed over
        return None
    try:
        connection = _connect(settings)
    except (OSError, ValueError, KeyError, TypeError):  # the services are not up, or ended without a word
        return None
    if connection is None:
        return None
    with connection:
        try:
            send_message(connection, _message(arguments), [0, 1, 2])
            answers = connection.makefile("r", encoding="ascii")
            connection.settimeout(PATIENCE)
            pid = int(answers.readline())
        except (OSError, ValueError):
            return None
        connection.settimeout(None)
        forwarded: list[int] = []
        with answered_by(lambda number, _: _forward(pid, number, forwarded)):
            code = answers.readline()
    if not code and forwarded:  # it died of the interrupt before it could answer it
        log.configure(settings)
        return stopped()
    if not code:
        log.configure(settings)
        complain("the process of the run is gone; what was committed is kept, run again to go on")
        return 1
    return int(code)


def _connect(settings: Settings) -> socket.socket | None:
    """A connection to the process that the services keep; None where it is of other code or of another user."""
    where = json.loads((settings.dagster_home / WHERE).read_text(encoding="utf-8"))
    if where["made_of"] != made_of():
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE)
        connection.connect(where["socket"])
    except OSError:
        connection.close()
        raise
    if is_of_this_user(connection):
        return connection
    connection.close()
    return None


def _message(arguments: Sequence[str]) -> Message:
    umask = os.umask(0)
    os.umask(umask)
    return Message(
        arguments=list(arguments),
        environment=dict(os.environ),
        folder=os.getcwd(),  # noqa: PTH109 - as text
        path=list(sys.path),
        encoding=sys.stdout.encoding,
        umask=umask,
    )


def _forward(pid: int, number: int, forwarded: list[int]) -> None:
    """Let the other process have an interrupt that this one got."""
    forwarded.append(number)
    with suppress(ProcessLookupError):  # it has just ended, and its answer is on its way
        os.kill(pid, number)
