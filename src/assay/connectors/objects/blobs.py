"""The objects of a bucket of GCS, or a container of Azure Blob, asked by obstore.

It speaks of paths and not of keys: a key with an empty part, with `.` or `..` as a part, or with a control character
fails the whole listing, which is told. Keys that differ in slashes at their ends cannot be told apart; the ETag, which
each request asks for, keeps them from being mixed up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from assay.connectors.objects.source import CUTS, PART, PIECE, Changed, Denied, Gone, OneObject, Seen
from assay.contract.feed_kinds.objects import BucketFeed
from assay.contract.file_glob import disk_and_members, file_glob
from assay.contract.path_template import path_template
from assay.feeds.credentials import resolved, scrubbed
from assay.feeds.errors import FeedError, Permanent, Transient

_AT_ONCE = 8
_PAGE = 1000
_STATUS = re.compile(r"\b([45]\d\d) (?:[A-Z][a-z]+|<)|status(?: code)?:? (\d{3})")
_REQUEST_TIMEOUT, _TOO_MANY, _FAULT = 408, 429, 500
_CLIENT = {
    "connect_timeout": timedelta(seconds=10),
    "read_timeout": timedelta(seconds=60),
    "timeout": timedelta(hours=1),
}
_RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


class BlobSource:
    """A bucket of GCS or a container of Azure; `ObjectSource`.

    Args:
        feed: Declares it.
    """

    settle_seconds = 0.0
    at_once = _AT_ONCE

    def __init__(self, feed: BucketFeed) -> None:
        self._feed = feed
        self._store: Any = None
        self._secrets: tuple[str, ...] = ()
        fixed = file_glob(disk_and_members(path_template(feed.files).glob)[0]).fixed_folder
        self._fixed = f"{fixed}/" if fixed else ""

    @contextmanager
    def connected(self) -> Iterator[None]:
        """See `ObjectSource`; the store is kept, with its credentials."""
        if self._store is None:
            try:
                import obstore  # noqa: F401, PLC0415 - an extra
            except ImportError:
                raise Permanent(
                    f"feed {self._feed.source}: reading a bucket needs obstore; pip install 'assay-lakehouse[buckets]'"
                ) from None
            with self._told("cannot be asked"):
                self._store = self._made()
        yield

    def _made(self) -> Any:
        from obstore.store import AzureStore, GCSStore  # noqa: PLC0415 - an extra

        values: dict[str, str] = {}
        for name, text in self._feed.options:
            values[name], secrets = resolved(text, f"feed {self._feed.source}: {name}")
            self._secrets += secrets if name != "account" else ()
        for name, secret in (("sas_token", "sig"), ("service_account", "")):
            if name in values:
                self._secrets += _parts_of(values[name], secret)
        client: Any = {**_CLIENT, "allow_http": self._feed.endpoint.startswith("http://")}
        own = {"skip_signature": True} if self._feed.is_anonymous else {}
        if self._feed.scheme == "gs":
            client["default_headers"] = {"Accept-Encoding": "gzip"}  # or GCS unpacks what was stored with gzip
            config = {
                "service_account_key": values.get("service_account"),
                "base_url": self._feed.endpoint or None,
                **own,
            }
            return GCSStore(self._feed.bucket, config=_given(config), client_options=client, retry_config=_RETRIES)
        config = {
            "account_name": values["account"],
            "account_key": values.get("account_key"),
            "sas_key": values.get("sas_token", "").lstrip("?") or None,
            "endpoint": self._feed.endpoint or None,
            **own,
        }
        return AzureStore(self._feed.bucket, config=_given(config), client_options=client, retry_config=_RETRIES)

    def pages(self, below: str = "") -> Iterator[list[Seen]]:
        """See `ObjectSource`."""
        import obstore  # noqa: PLC0415 - an extra

        with self._told("cannot be listed"):
            prefix = self._feed.prefix + (below or self._fixed)
            for page in obstore.list(self._store, prefix.rstrip("/") or None, chunk_size=_PAGE):
                yield [self._seen(meta) for meta in page]

    def notes(self) -> list[str]:
        """See `ObjectSource`."""
        return []

    def _seen(self, meta: Any) -> Seen:
        size, modified = int(meta["size"]), meta["last_modified"].timestamp()
        version = meta["e_tag"] or meta["version"] or f"{size}@{modified}"
        return Seen(meta["path"].removeprefix(self._feed.prefix), version, size, modified)

    def download(self, seen: Seen, path: Path) -> None:
        """See `ObjectSource`; in parts, each of which has to be of this version."""
        at, cuts = 0, 0
        with path.open("xb") as target:
            while at < seen.size or not at:
                before = at
                for piece in self._pieces(seen, at):
                    target.write(piece)
                    at += len(piece)
                if not seen.size:
                    break
                cuts = 0 if at > before else cuts + 1
                if cuts == CUTS:
                    raise Transient(f"{self._where}: {seen.key}: breaks off after {at:,} of {seen.size:,} bytes")
        if at != seen.size:
            raise OneObject(f"{at:,} bytes came of {seen.size:,}")

    def _pieces(self, seen: Seen, at: int) -> Iterator[bytes]:
        """The bytes of a part, until it ends or breaks off."""
        import obstore  # noqa: PLC0415 - an extra

        options: Any = {"if_match": seen.version}
        if seen.size > PART or at:
            options["range"] = (at, min(at + PART, seen.size))
        with self._told("cannot be read", seen):
            answer = obstore.get(self._store, self._feed.prefix + seen.key, options=options)
            if answer.meta["size"] != seen.size:
                raise Changed(f"it has {answer.meta['size']:,} bytes by now")
            pieces = answer.stream(min_chunk_size=PIECE)
        while True:
            try:
                piece = next(pieces, None)
            except Exception as error:
                if not type(error).__module__.startswith("obstore"):
                    raise
                return  # what is missing is asked for again
            if piece is None:
                return
            yield bytes(piece)

    @property
    def _where(self) -> str:
        return f"feed {self._feed.source}: {self._feed.where}"

    @contextmanager
    def _told(self, what: str, seen: Seen | None = None) -> Iterator[None]:
        """Tell what goes wrong in the block as an error of feeds."""
        try:
            yield
        except (FeedError, OneObject):
            raise
        except FileNotFoundError as error:
            if seen and not seen.size:
                raise Gone from None  # an empty object whose key ends in `/`, by which consoles show folders
            if seen:
                raise OneObject(
                    "is listed and cannot be read: it was deleted just now, or its key begins or ends with /"
                ) from None
            raise Permanent(f"{self._where}: {what}: {self._short(error)}") from None
        except Exception as error:
            if not type(error).__module__.startswith("obstore") and type(error) is not ValueError:
                raise
            kind, message = type(error).__name__, self._short(error)
            if kind == "PreconditionError" and seen:
                raise Changed(message) from None
            if kind == "PermissionDeniedError" and seen:
                raise Denied(message) from None
            place = f"{self._where}: {seen.key + ': ' if seen else ''}{what}: {message}"
            raise (Transient(place) if _passes(kind, message) else Permanent(place)) from None

    def _short(self, error: BaseException) -> str:
        return scrubbed(str(error).partition("\n\nDebug source")[0], self._secrets)


def _given(config: dict[str, Any]) -> Any:
    return {name: value for name, value in config.items() if value is not None}


def _parts_of(secret: str, name: str) -> tuple[str, ...]:
    """What of a secret may stand in a message without the rest: the signature of a SAS, lines of a private key."""
    if name:
        return tuple(value for key, value in parse_qsl(secret.lstrip("?")) if key == name)
    return tuple(re.findall(r"[A-Za-z0-9+/=]{40,}", secret))


def _passes(kind: str, message: str) -> bool:
    """Whether it may be over by itself: the network, a server's fault, too many requests."""
    if kind != "GenericError":
        return kind in ("JoinError", "NotModifiedError")
    statuses = [int(one or other) for one, other in _STATUS.findall(message)]
    if statuses:
        return statuses[0] in (_REQUEST_TIMEOUT, _TOO_MANY) or statuses[0] >= _FAULT
    return "certificate" not in message and any(word in message for word in ("error sending request", "timed out"))
