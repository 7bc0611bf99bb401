"""A connection to an SFTP server whose key is known."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from assay.connectors.objects.source import OneObject
from assay.contract.feed_kinds.sftp import SftpFeed
from assay.feeds.credentials import resolved, scrubbed
from assay.feeds.errors import FeedError, Permanent, Transient

_SECONDS = 30
"""For how long a server may say nothing."""


@contextmanager
def sftp_session(feed: SftpFeed) -> Iterator[Any]:
    """A client of SFTP, for a block; what goes wrong with the connection in the block is told, too.

    Raises:
        Permanent: No password or key fits, or the server's key is unknown or another one.
        Transient: The server cannot be reached, or the connection breaks off.
    """
    try:
        import paramiko  # noqa: PLC0415 - an extra
    except ImportError:
        raise Permanent(
            f"feed {feed.source}: reading SFTP needs paramiko; pip install 'assay-lakehouse[sftp]'"
        ) from None
    values = {name: getattr(feed, name) for name in ("host", "user", "password", "key", "key_password")}
    secrets: tuple[str, ...] = ()
    for name, text in values.items():
        values[name], more = resolved(text, f"feed {feed.source}: {name}")
        secrets += more if name not in ("host", "user") else ()
    where = f"feed {feed.source}: {feed.where}"
    client = paramiko.SSHClient()
    try:
        _know_host(client, feed, values["host"])
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        has_own = bool(values["password"] or values["key"])
        client.connect(
            values["host"],
            feed.port,
            values["user"],
            password=values["password"] or None,
            pkey=_private_key(feed, values["key"], values["key_password"]),
            allow_agent=not has_own,
            look_for_keys=not has_own,
            **dict.fromkeys(("timeout", "banner_timeout", "auth_timeout", "channel_timeout"), _SECONDS),
        )
        sftp = client.open_sftp()
        sftp.get_channel().settimeout(_SECONDS)
        yield sftp
    except (FeedError, OneObject):
        raise
    except paramiko.BadHostKeyException as error:
        raise Permanent(
            f"{where}: the server shows another key than the one that is known, {error.key.get_name()} "
            f"{error.key.get_base64()[:24]}…; if the server was set up anew put its key into host_key or known_hosts"
        ) from None
    except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
        raise Permanent(f"{where}: the server lets {feed.user} not in: {scrubbed(str(error), secrets)}") from None
    except (paramiko.SSHException, EOFError, ConnectionError, TimeoutError) as error:
        if "not found in known_hosts" in str(error):
            raise Permanent(
                f"{where}: the server's key is not known; write it as host_key or into known_hosts (`ssh-keyscan "
                f"-p {feed.port} {feed.host}` prints it: hold it against what its owner says)"
            ) from None
        raise Transient(f"{where}: {scrubbed(str(error) or 'the connection broke off', secrets)}") from None
    except OSError as error:
        if error.filename or not _is_of_network(error):
            raise
        raise Transient(f"{where}: {scrubbed(str(error), secrets)}") from None
    finally:
        with suppress(Exception):
            client.close()


def _is_of_network(error: OSError) -> bool:
    """Whether it is about reaching a server and not about a file: names that do not resolve, no route."""
    import errno  # noqa: PLC0415 - of this function alone
    import socket  # noqa: PLC0415 - as above

    network = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EPIPE)
    return isinstance(error, socket.gaierror) or error.errno in network or error.errno is None


def _know_host(client: Any, feed: SftpFeed, host: str) -> None:
    import paramiko  # noqa: PLC0415 - an extra

    if feed.host_key:
        kind, encoded = feed.host_key.split()[:2]
        try:
            key = paramiko.PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
        except (paramiko.SSHException, ValueError, binascii.Error) as error:
            raise Permanent(f"feed {feed.source}: host_key cannot be used: {error or 'no such type of key'}") from None
        client.get_host_keys().add(host if feed.port == 22 else f"[{host}]:{feed.port}", kind, key)  # noqa: PLR2004
        return
    place = Path(feed.known_hosts or "~/.ssh/known_hosts").expanduser()
    try:
        client.load_host_keys(str(place))
    except FileNotFoundError:
        if feed.known_hosts:
            raise Permanent(f"feed {feed.source}: known_hosts: {place} is not there") from None
    except (OSError, paramiko.SSHException) as error:
        raise Permanent(f"feed {feed.source}: known_hosts: {place} cannot be read: {error}") from None


def _private_key(feed: SftpFeed, key: str, password: str) -> Any:
    """A private key of whichever type, from its text or its file; None for none."""
    import paramiko  # noqa: PLC0415 - an extra

    if not key:
        return None
    try:
        text = key if "\n" in key else Path(key).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Permanent(f"feed {feed.source}: key: the file of the private key cannot be read") from None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError, IndexError):
            return kind.from_private_key(io.StringIO(text + "\n"), password or None)
    raise Permanent(
        f"feed {feed.source}: key: is not a private key that can be read (Ed25519, ECDSA or RSA); an encrypted one "
        "needs the right key_password"
    )
