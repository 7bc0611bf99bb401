"""The objects of a bucket of S3, or of a service that is compatible, asked by AWS's own SDK.

It is the SDK because keys have to come as they are: `a//b`, `/a`, `a/` and control characters are keys of their own,
which libraries that speak of paths change, or fail a whole listing for. It knows all credentials of the machine, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from assay.connectors.objects.s3_pages import listed, quicken
from assay.connectors.objects.source import CUTS, PART, PIECE, Changed, Denied, OneObject, Seen
from assay.contract.feed_kinds.objects import BucketFeed
from assay.contract.file_glob import WILDCARDS
from assay.feeds.credentials import resolved, scrubbed
from assay.feeds.errors import FeedError, Permanent, Transient

_AT_ONCE = 8
_MD5_BYTES = 32
_GONE = ("NoSuchKey", "NoSuchVersion", "404", "PreconditionFailed", "412", "InvalidRange", "416")
_DENIED = ("AccessDenied", "403")
_OF_ONE = (*_DENIED, "InvalidObjectState", "MethodNotAllowed", "KMS.DisabledException")
"""Answers to a request for one object that say nothing of others."""
_PASSING = (
    "SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded", "InternalError",
    "ServiceUnavailable", "TooManyRequests", "RequestTimeTooSkewed",
)  # fmt: skip
_HTTP_LIMIT, _HTTP_FAULT = 429, 500


class S3Source:
    """A bucket of S3; `ObjectSource`.

    Args:
        feed: Declares it.
    """

    settle_seconds = 0.0
    at_once = _AT_ONCE

    def __init__(self, feed: BucketFeed) -> None:
        self._feed = feed
        self._client: Any = None
        self._secrets: tuple[str, ...] = ()
        below = feed.files.partition("{")[0]
        wild = min((at for at, letter in enumerate(below) if letter in WILDCARDS), default=len(below))
        self._fixed = below[:wild].partition("!/")[0].partition("%_")[0]  # an escaped key stands there otherwise

    @contextmanager
    def connected(self) -> Iterator[None]:
        """See `ObjectSource`; a client is kept, as it looks for credentials when it is made."""
        if self._client is None:
            with self._told("cannot be asked"):
                self._client = self._made()
        yield

    def _made(self) -> Any:
        try:
            import boto3  # noqa: PLC0415 - 50 MB, and an extra
            from botocore import UNSIGNED  # noqa: PLC0415 - as above
            from botocore.config import Config  # noqa: PLC0415 - as above
        except ImportError:
            raise Permanent(
                f"feed {self._feed.source}: reading S3 needs boto3; pip install 'assay-lakehouse[buckets]'"
            ) from None
        values: dict[str, str] = {}
        for name, text in self._feed.options:
            values[name], secrets = resolved(text, f"feed {self._feed.source}: {name}")
            self._secrets += secrets if name != "access_key" else ()
        endpoint = self._feed.endpoint or None
        config = Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=_AT_ONCE,
            s3={"addressing_style": "path"} if endpoint else {},
            **({"signature_version": UNSIGNED} if self._feed.is_anonymous else {}),
        )
        session = boto3.Session(
            aws_access_key_id=values.get("access_key"),
            aws_secret_access_key=values.get("secret_key"),
            aws_session_token=values.get("session_token"),
            region_name=self._feed.region or None,
        )
        region = session.region_name or "us-east-1"  # of a bucket elsewhere the SDK is told where it is
        client = session.client("s3", endpoint_url=endpoint, config=config, region_name=region)
        quicken(client)
        credentials = None if self._feed.is_anonymous else session.get_credentials()
        if credentials:
            frozen = credentials.get_frozen_credentials()
            self._secrets += tuple(secret for secret in (frozen.secret_key, frozen.token) if secret)
        return client

    def pages(self, below: str = "") -> Iterator[list[Seen]]:
        """See `ObjectSource`; a thousand keys a request."""
        token: str | None = None
        prefix = self._feed.prefix + (below or self._fixed)
        while True:
            more = {"ContinuationToken": token} if token else {}
            with self._told("cannot be listed"):
                page = self._client.list_objects_v2(Bucket=self._feed.bucket, Prefix=prefix, **more)
            yield [self._seen(*one) for one in listed(page)]
            if not page.get("IsTruncated"):
                return
            before, token = token, page.get("NextContinuationToken")
            if not token or token == before:
                raise Transient(f"{self._where}: the listing breaks off: a page does not say where the next one begins")

    def notes(self) -> list[str]:
        """See `ObjectSource`."""
        return []

    def _seen(self, key: str, etag: str, size: int, modified: float) -> Seen:
        return Seen(key.removeprefix(self._feed.prefix), etag or f"{size}@{modified}", size, modified)

    def download(self, seen: Seen, path: Path) -> None:
        """See `ObjectSource`; in parts, each of which has to be of this version, and goes on where a cut one ended."""
        md5 = hashlib.md5(usedforsecurity=False)
        at, cuts, is_md5 = 0, 0, _is_md5(seen.version)
        with path.open("xb") as target:
            while True:
                before = at
                with self._told("cannot be read", seen.key):
                    answer = self._asked(seen, at)
                    if answer.get("ETag", seen.version) != seen.version and "@" not in seen.version:
                        raise Changed("the service does not heed If-Match")
                    is_md5 = is_md5 and not _is_encrypted(answer)
                    for piece in _pieces(answer["Body"]):
                        target.write(piece)
                        md5.update(piece)
                        at += len(piece)
                if at >= seen.size:
                    break
                cuts = 0 if at > before else cuts + 1
                if cuts == CUTS:
                    raise Transient(f"{self._where}: {seen.key}: breaks off after {at:,} of {seen.size:,} bytes")
        if at != seen.size:
            raise OneObject(f"{at:,} bytes came of {seen.size:,}")
        if is_md5 and md5.hexdigest() != seen.version.strip('"'):
            raise OneObject("its bytes do not have the MD5 that the bucket has for it; it is read again next time")

    def _asked(self, seen: Seen, at: int) -> Any:
        wanted: dict[str, str] = {"IfMatch": seen.version} if "@" not in seen.version else {}
        if seen.size > PART or at:
            wanted["Range"] = f"bytes={at}-{min(at + PART, seen.size) - 1}"
        return self._client.get_object(Bucket=self._feed.bucket, Key=self._feed.prefix + seen.key, **wanted)

    @property
    def _where(self) -> str:
        return f"feed {self._feed.source}: {self._feed.where}"

    @contextmanager
    def _told(self, what: str, key: str = "") -> Iterator[None]:
        """Tell what goes wrong in the block as an error of feeds."""
        try:
            yield
        except (FeedError, OneObject):
            raise
        except Exception as error:
            if not type(error).__module__.startswith(("botocore", "urllib3", "boto3")):
                raise
            code, status = _code_of(error)
            message = scrubbed(str(error), self._secrets)
            if key and code in _GONE:
                raise Changed(message) from None
            if key and code in _OF_ONE:
                raise (Denied if code in _DENIED else OneObject)(message) from None
            if key and type(error).__name__ == "FlexibleChecksumError":
                raise OneObject(f"{message}; it is read again next time") from None
            place = f"{self._where}: {key + ': ' if key else ''}{what}: {message}"
            raise (Transient(place) if _passes(error, code, status) else Permanent(place)) from None


def _pieces(body: Any) -> Iterator[bytes]:
    """The pieces of an answer until it ends or breaks off; what is missing is asked for again."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError  # noqa: PLC0415 - an extra
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

    with suppress(HTTPClientError, IncompleteReadError, HTTPError):
        while piece := body.read(PIECE):
            yield piece


def _is_md5(etag: str) -> bool:
    text = etag.strip('"')
    return len(text) == _MD5_BYTES and all(letter in "0123456789abcdef" for letter in text)


def _is_encrypted(answer: Any) -> bool:
    """Whether the ETag of an object is not the MD5 of its bytes, because a key of KMS or the customer encrypts it."""
    return answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer


def _code_of(error: Exception) -> tuple[str, int]:
    answer = getattr(error, "response", None) or {}
    code = str(answer.get("Error", {}).get("Code", ""))
    return code, int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _passes(error: Exception, code: str, status: int) -> bool:
    """Whether it may be over by itself: the network, a server's fault, too many requests."""
    from botocore.exceptions import ConnectionError as Unreachable  # noqa: PLC0415 - an extra
    from botocore.exceptions import HTTPClientError, SSLError  # noqa: PLC0415 - as above
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    if code or status:
        return code in _PASSING or status == _HTTP_LIMIT or status >= _HTTP_FAULT
    if isinstance(error, SSLError):
        return False
    is_network = isinstance(error, Unreachable | HTTPClientError | ResponseParserError)
    return is_network or type(error).__module__.startswith("urllib3")
