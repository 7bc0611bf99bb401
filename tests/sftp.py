"""A real SFTP server in a thread."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import asyncssh

from tests.objects import SECRET
from tests.ports import free_port


class Server(asyncssh.SSHServer):
    """Lets `reader` in with the secret, or with any key of `keys`."""

    keys: tuple[str, ...] = ()

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - as asyncssh calls it
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("reader", SECRET)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002 - as above
        return key.export_public_key().decode().split()[1] in self.keys


class Files(asyncssh.SFTPServer):
    """The files of a folder.

    Attributes:
        folder: The folder.
        forbidden: Names that may not be opened or listed.
        on_read: Is called with each offset that is read.
    """

    folder = Path()
    forbidden: frozenset[bytes] = frozenset()
    on_read: Any = staticmethod(lambda _: None)

    def __init__(self, channel: Any) -> None:
        super().__init__(channel, chroot=str(self.folder).encode())

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        self._check(path)
        return super().open(path, pflags, attrs)

    def scandir(self, path: bytes) -> Any:
        self._check(path)
        return super().scandir(path)

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        self.on_read(offset)
        return super().read(file_obj, offset, size)

    def _check(self, path: bytes) -> None:
        if path.rstrip(b"/").rpartition(b"/")[2] in self.forbidden:
            raise asyncssh.SFTPPermissionDenied("Permission denied")


class Sftp:
    """A server on a port of 127.0.0.1 that shows `Files.folder`."""

    def __init__(self) -> None:
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.key = self._key.export_public_key().decode().strip()
        self.port = free_port()
        self._server: Any = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def start(self) -> None:
        """Let people in."""

        async def listen() -> Any:
            how = {"server_factory": Server, "sftp_factory": Files, "allow_scp": False}
            return await asyncssh.listen("127.0.0.1", self.port, server_host_keys=[self._key], **how)

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(30)

    def stop(self) -> None:
        """Let nobody in any more; who is in stays."""
        self._loop.call_soon_threadsafe(self._server.close)
