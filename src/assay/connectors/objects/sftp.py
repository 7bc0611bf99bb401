"""The files below a folder of an SFTP server. A file is known by its name, size and time."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.base.printable import printable
from assay.connectors.objects.names import path_of
from assay.connectors.objects.sftp_session import sftp_session
from assay.connectors.objects.source import Changed, Denied, OneObject, Seen
from assay.contract.feed import FOLDER
from assay.contract.feed_kinds.objects import OBJECTS
from assay.contract.feed_kinds.sftp import SftpFeed
from assay.contract.file_glob import Positions, may_be_claimed
from assay.feeds.errors import Permanent

_PAGE = 1000
_REQUESTS = 64
"""Parts of 32 KiB that are asked for before the first has come."""


class SftpSource:
    """A folder of a server; `ObjectSource`.

    Args:
        feed: Declares it.
    """

    at_once = 1

    def __init__(self, feed: SftpFeed) -> None:
        self._feed = feed
        self._glob = feed.landed_glob
        self._sftp: Any = None
        self._root = ""
        self._notes: list[str] = []
        self.settle_seconds = 0.0 if feed.done else feed.settle

    @contextmanager
    def connected(self) -> Iterator[None]:
        """See `ObjectSource`."""
        with sftp_session(self._feed) as sftp:
            self._sftp = sftp
            try:
                self._root = self._sftp.normalize(self._feed.folder).rstrip("/")
                yield
            finally:
                self._sftp = None

    def notes(self) -> list[str]:
        """See `ObjectSource`."""
        return self._notes

    def pages(self, below: str = "") -> Iterator[list[Seen]]:
        """See `ObjectSource`; always all, but folders in which nothing can match are not looked into."""
        del below
        self._notes = []
        at = self._glob.start()
        for part in (FOLDER, self._feed.source, OBJECTS):
            at = self._glob.enter(at, part)
        page: list[Seen] = []
        for seen in self._below("", at):
            page.append(seen)
            if len(page) == _PAGE:
                yield page
                page = []
        yield page

    def _below(self, folder: str, at: Positions) -> Iterator[Seen]:
        """The files of a folder, which ends in `/` or is that of the feed, and of those in it."""
        folders = []
        for name, attributes in self._entries(folder):
            key, mode = folder + name, attributes.st_mode or 0
            if stat.S_ISDIR(mode):
                folders.append(name)
            elif stat.S_ISREG(mode):
                yield _seen(key, attributes)
            elif stat.S_ISLNK(mode) and may_be_claimed(name) and self._glob.takes(at, path_of(name)):
                yield from self._linked(key)
        for name in folders:
            inner = self._glob.enter(at, path_of(name))
            if not inner or not may_be_claimed("", [name]):
                continue
            if _is_text(name):
                yield from self._below(f"{folder}{name}/", inner)
            else:
                self._notes.append(f"folder {printable(folder + name)}: its name is not UTF-8; rename it")

    def _entries(self, folder: str) -> list[tuple[str, Any]]:
        try:
            return list(_listed(self._sftp, f"{self._root}/{folder}".rstrip("/") or "/"))
        except (FileNotFoundError, PermissionError) as error:
            why = error.strerror or "Permission denied"
            if not folder:
                raise Permanent(f"feed {self._feed.source}: {self._feed.where}: cannot be listed: {why}") from None
            if isinstance(error, PermissionError):
                self._notes.append(f"folder {printable(folder)} cannot be listed: {why}")
            return []  # gone since its own folder was listed

    def _linked(self, key: str) -> Iterator[Seen]:
        """The file that a link leads to, where it is one below the folder of the feed."""
        try:
            target = self._sftp.normalize(f"{self._root}/{key}")
            attributes = self._sftp.stat(target)
        except OSError:
            self._notes.append(f"link {printable(key)} leads nowhere")
            return
        if not target.startswith(f"{self._root}/"):
            self._notes.append(f"link {printable(key)} leads out of the folder and is left alone")
        elif stat.S_ISREG(attributes.st_mode or 0):
            yield _seen(key, attributes)

    def download(self, seen: Seen, path: Path) -> None:
        """See `ObjectSource`; size and time have to be as listed before and after."""
        place = f"{self._root}/{seen.key}"
        with path.open("xb") as target:
            try:
                self._check(seen, place)
                with self._sftp.open(place, "rb") as remote:
                    remote.prefetch(seen.size, _REQUESTS)
                    while piece := remote.read(1 << 20):
                        target.write(piece)
                self._check(seen, place)
            except (TimeoutError, ConnectionError):
                raise
            except FileNotFoundError as error:
                raise Changed(str(error)) from None
            except PermissionError:
                raise Denied("the server does not let it be read") from None
            except OSError as error:
                if error.errno is not None:
                    raise
                raise OneObject(f"the server says {str(error) or 'that it failed'}") from None
        if path.stat().st_size != seen.size:
            raise Changed(f"{path.stat().st_size:,} bytes came of {seen.size:,}")

    def _check(self, seen: Seen, place: str) -> None:
        if (target := self._sftp.normalize(place)) != place and not target.startswith(f"{self._root}/"):
            raise Denied("is a link that leads out of the folder by now")
        if _seen(seen.key, self._sftp.stat(place)).version != seen.version:
            raise Changed("it is written to")


def _seen(key: str, attributes: Any) -> Seen:
    size, modified = int(attributes.st_size or 0), int(attributes.st_mtime or 0)
    return Seen(key, f"{size}@{modified}", size, modified)


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _listed(sftp: Any, folder: str) -> Iterator[tuple[str, Any]]:
    """Names and attributes of what is in a folder; as the client's own, which one name that is not UTF-8 fails."""
    from paramiko import SFTPAttributes  # noqa: PLC0415 - an extra
    from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR  # noqa: PLC0415 - as above

    handle = sftp._request(CMD_OPENDIR, sftp._adjust_cwd(folder))[1].get_binary()
    try:
        while True:
            try:
                answer = sftp._request(CMD_READDIR, handle)[1]
            except EOFError:
                return
            for _ in range(answer.get_int()):
                name = answer.get_binary().decode("utf-8", "surrogateescape")
                answer.get_binary()  # the same as a line of `ls`
                attributes = SFTPAttributes._from_msg(answer)
                if name not in (".", ".."):
                    yield name, attributes
    finally:
        sftp._request(CMD_CLOSE, handle)
