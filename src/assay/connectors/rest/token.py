"""Tokens that can be used once, on the disk: the next one is safe before the one that it came with is used.

A server that gives a new refresh token with each access token takes the old one back. Whoever loses the new one has to
ask a person to allow the application again. The file is encrypted with a key that the yml refers to, and says from
which first token its own descends: another first token in the yml is a new beginning.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.base.atomic_write import place
from assay.base.run_lock import LockTimeout, RunLock
from assay.feeds.errors import Permanent, Transient

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_SALT = 16
_PATIENCE = 30.0
"""Seconds for which another process may be at its token."""
_WORK = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True)
class Tokens:
    """What a server gave.

    Attributes:
        refresh: By which the next token is asked for.
        access: What requests have; empty for none.
        ends_at: When it ends, in seconds since 1970 UTC.
    """

    refresh: str
    access: str = ""
    ends_at: float = 0.0


class TokenFile:
    """The file of a feed's tokens.

    Args:
        path: Where it is; its lock is beside it.
        feed: Whose it is.
    """

    def __init__(self, path: Path, feed: str) -> None:
        self.path, self.feed = path, feed
        self._ciphers: dict[bytes, Fernet] = {}

    @contextmanager
    def held(self, key: str, first: str) -> Iterator[Kept]:
        """The tokens within the block, in which no other process is at them.

        Args:
            key: What the file is encrypted with.
            first: The token of the yml.

        Raises:
            Transient: Another process is at them for long.
        """
        lock = RunLock(self.path.with_name(f"{self.path.name}.lock"))
        try:
            lock.acquire(f"token of feed {self.feed}", wait_seconds=_PATIENCE)
        except LockTimeout:
            raise Transient(f"feed {self.feed}: another process is at its token") from None
        with lock:
            yield Kept(self, key, first)

    def cipher(self, key: str, salt: bytes) -> Fernet:
        """What encrypts with a key; made once, because it takes a while on purpose.

        Raises:
            Permanent: The library is not installed.
        """
        try:
            from cryptography.fernet import Fernet  # noqa: PLC0415 - an extra, and only here
        except ImportError:
            raise Permanent(
                f"feed {self.feed}: refresh tokens are kept encrypted, which needs cryptography; install it: pip "
                "install 'assay-lakehouse[rest]'"
            ) from None
        if salt not in self._ciphers:
            derived = hashlib.scrypt(key.encode(), salt=salt, dklen=32, **_WORK)
            self._ciphers = {salt: Fernet(base64.urlsafe_b64encode(derived))}
        return self._ciphers[salt]


class Kept:
    """The tokens of a feed, in a file that nobody else is at."""

    def __init__(self, file: TokenFile, key: str, first: str) -> None:
        self._file, self._key, self._first = file, key, first

    def read(self) -> Tokens:
        """The newest tokens: those of the file, or the first one where the yml has another than they descend from.

        Raises:
            Permanent: The file cannot be read with the key.
        """
        path = self._file.path
        if not path.exists():
            return Tokens(self._first)
        content = path.read_bytes()
        cipher = self._file.cipher(self._key, content[:_SALT])
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - as above

        try:
            values = json.loads(cipher.decrypt(content[_SALT:]))
            origin = values.pop("origin")
            return Tokens(**values) if origin == self._first else Tokens(self._first)
        except (InvalidToken, ValueError, TypeError, KeyError):
            raise Permanent(
                f"feed {self._file.feed}: {path} cannot be read with the key of token_key; give it the key with which "
                "it was written, or allow the application again, put the new token where refresh_token refers to, and "
                "remove the file"
            ) from None

    def write(self, tokens: Tokens) -> None:
        """Keep tokens; they survive a power cut when this returns."""
        path = self._file.path
        salt = path.read_bytes()[:_SALT] if path.exists() else secrets.token_bytes(_SALT)
        plain = json.dumps({"origin": self._first, **asdict(tokens)}).encode()
        place(path, salt + self._file.cipher(self._key, salt).encrypt(plain), mtime=time.time())
