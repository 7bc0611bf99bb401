"""Hands a command over to another process: its arguments, environment and folder, and its standard streams."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.base.project import ENGINE

WHERE = "warm.json"
"""Below the Dagster home: where a process listens, and what it is made of."""
_LENGTH = struct.Struct("!Q")
_CODE = (".py", ".sql", ".j2")
"""Files of the engine: of one that is edited in place, the folder of the packages tells nothing."""


@dataclass(frozen=True)
class Message:
    """A command.

    Attributes:
        arguments: After the name of the program.
        environment: All of it.
        folder: In which it was typed.
        path: Where Python looks for modules.
        encoding: Of its output.
        umask: Rights that files that it makes do not get.
    """

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    path: list[str]
    encoding: str
    umask: int


def made_of() -> list[str]:
    """What a process that is forked has to share with the one that asks for it: Python, packages, and the engine.

    Raises:
        OSError: A file went while it was looked at: packages are being installed.
    """
    packages = Path(sysconfig.get_path("purelib"))
    written = max((path.stat().st_mtime_ns for path in ENGINE.rglob("*") if path.suffix in _CODE), default=0)
    return [sys.executable, f"{packages} {packages.stat().st_mtime_ns}", f"{ENGINE} {written}"]


def is_of_this_user(connection: socket.socket) -> bool:
    """Whether the process at the other end is of the user of this one: it is given all of its environment."""
    size = struct.calcsize("iII")
    _, user, _ = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(user == os.getuid())


def send_message(connection: socket.socket, message: Message, streams: list[int]) -> None:
    """Send a command and its standard streams.

    Args:
        connection: A Unix socket.
        message: The command.
        streams: Its standard input, output and error.
    """
    content = json.dumps(asdict(message)).encode("ascii")
    socket.send_fds(connection, [_LENGTH.pack(len(content))], streams)
    connection.sendall(content)


def receive_message(connection: socket.socket) -> tuple[Message, list[int]]:
    """The command and the streams that were sent.

    Raises:
        EOFError: The sender has gone.
    """
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
    if len(head) < _LENGTH.size:
        raise EOFError
    (left,) = _LENGTH.unpack(head)
    parts = []
    while left:
        part = connection.recv(min(left, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        left -= len(part)
    return Message(**json.loads(b"".join(parts))), list(streams)
