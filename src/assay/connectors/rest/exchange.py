"""One HTTP request and its response, read to its end within limits: cut, endless and packed bodies are errors.

Belongs here: bytes on the wire. Keep out: what is tried again and what allows a request (`client.py`).
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from assay.contract.feed_kinds.rest import RestFeed
from assay.feeds.errors import Permanent, Transient

if TYPE_CHECKING:
    import ssl

    import httpx

_SILENCE = 30.0
"""Seconds for which a server may send nothing."""
_MEGABYTE = 1 << 20
_WORDS = 4096
"""Bytes that are read of a response that is an error."""
_OK = 300
_GZIP = 31  # zlib's word for a gzip stream
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


@dataclass(frozen=True)
class Response:
    """A response, read to its end.

    Attributes:
        url: Of the request.
        status: Its code.
        phrase: What the server says of it.
        headers: By name in lower case; of several of one name all, with commas between.
        body: Unpacked.
        has_end: Whether the server said how long the body is, so that one that was cut would have been told.
    """

    url: str
    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes
    has_end: bool

    @property
    def media_type(self) -> str:
        """What the server says the body is."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_lines(self) -> bool:
        """Whether each line of the body is a record."""
        return self.media_type in _LINES


class Http:
    """Sends requests; says which errors pass.

    Args:
        feed: Whose limits are held.

    Raises:
        Permanent: httpx is not installed.
    """

    def __init__(self, feed: RestFeed) -> None:
        try:
            import httpx  # noqa: PLC0415 - an extra, and only here
        except ImportError:
            raise Permanent(
                f"feed {feed.source}: HTTP needs httpx; install it: pip install 'assay-lakehouse[rest]'"
            ) from None
        logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold urls, and so a key in a parameter
        self._feed = feed
        self._client = httpx.Client(
            timeout=min(_SILENCE, feed.timeout),
            headers={"Accept-Encoding": "gzip", "User-Agent": "assay-feed"},
            verify=_verifying(),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def url(self, url: str, base: str = "", params: Mapping[str, str] | None = None) -> httpx.URL:
        """An url with parameters in place of those of the same names.

        Raises:
            Permanent: It is not one.
        """
        import httpx  # noqa: PLC0415 - as above

        try:
            whole = httpx.URL(base).join(url) if base else httpx.URL(url)
            return whole.copy_merge_params(dict(params)) if params else whole
        except (httpx.InvalidURL, ValueError, TypeError):
            raise Permanent("an address is not an url") from None

    def exchange(self, method: str, url: httpx.URL, headers: Mapping[str, str], **content: Any) -> Response:
        """Send a request, and read its response to the end; redirects are responses.

        Args:
            method: `GET` or `POST`.
            url: With its parameters.
            headers: Besides the usual ones.
            content: `data` of a form, or `json`.

        Raises:
            Permanent: The response is too large, or packed in another way than was asked for, or nobody can be sure
                who sent it.
            Transient: It did not come, or not to its end.
        """
        import httpx  # noqa: PLC0415 - as above

        deadline = time.monotonic() + self._feed.timeout
        try:
            with self._client.stream(method, url, headers=dict(headers), **content) as answer:
                body = self._body(answer, deadline)
        except httpx.TimeoutException as error:
            raise Transient(f"no answer in time ({type(error).__name__})") from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL):
            raise Permanent("the request cannot be sent: its address or a header is not one of HTTP") from None
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Permanent(
                    f"nobody can be sure whose server it is ({error}); let it have a certificate that is known, or set "
                    "SSL_CERT_FILE to its authority's"
                ) from None
            raise Transient(f"the connection failed: {error or type(error).__name__}") from None
        fields = {name.lower(): value for name, value in answer.headers.items()}
        has_end = bool({"content-length", "transfer-encoding"} & fields.keys())
        return Response(str(url), answer.status_code, answer.reason_phrase, fields, body, has_end)

    def _body(self, answer: httpx.Response, deadline: float) -> bytes:
        is_good = answer.status_code < _OK
        limit = self._feed.max_response_mb * _MEGABYTE if is_good else _WORDS
        packing = answer.headers.get("content-encoding", "identity").lower()
        if packing not in ("identity", "gzip"):
            if not is_good:
                return b""
            raise Permanent(f"the body is packed as {packing!r}, and gzip was asked for")
        unpacked = _Unpacked(limit) if packing == "gzip" else None
        pieces, size = [], 0
        for raw in answer.iter_raw():
            piece = unpacked.take(raw) if unpacked else raw
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                if not is_good:
                    break
                raise Permanent(
                    f"the response has more than {self._feed.max_response_mb:,} MB; ask for smaller pages, or raise "
                    "`max_response_mb`"
                )
            if time.monotonic() > deadline:
                raise Transient(f"the response took longer than {self._feed.timeout:g} seconds (`timeout`)")
        if unpacked and is_good and not unpacked.is_whole:
            raise Transient("the packed body breaks off")
        return b"".join(pieces)[: limit + 1]


@cache
def _verifying() -> ssl.SSLContext:
    """What verifies whose a server is: the authorities that httpx knows, or those of SSL_CERT_FILE."""
    import httpx  # noqa: PLC0415 - as above

    return httpx.create_ssl_context()


class _Unpacked:
    """Takes gzip off piece by piece, and no more of it than a limit."""

    def __init__(self, limit: int) -> None:
        self._left = limit + 1
        self._stream = zlib.decompressobj(_GZIP)
        self._is_begun = False

    @property
    def is_whole(self) -> bool:
        """Whether the end of the last stream came."""
        return self._stream.eof or not self._is_begun

    def take(self, raw: bytes) -> bytes:
        """Unpack a piece."""
        pieces = []
        try:
            while raw and self._left > 0:
                self._is_begun = True
                if self._stream.eof:
                    self._stream = zlib.decompressobj(_GZIP)
                piece = self._stream.decompress(raw, self._left)
                pieces.append(piece)
                self._left -= len(piece)
                raw = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        except zlib.error:
            raise Transient("the packed body is damaged") from None
        return b"".join(pieces)
