"""A server that speaks enough of the HTTP of GCS (its XML API) and of Azure Blob to be listed and read, and to fail.

As the real ones do: generations and ETags, conditions, ranges, pages, and GCS's unpacking of what is stored with gzip
for whoever does not ask for gzip.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "shop"
_PAGE = 3
_GCS = """<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>shop</Name>
<IsTruncated>{more}</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>{items}</ListBucketResult>"""
_GCS_ITEM = """<Contents><Key>{key}</Key><Generation>{generation}</Generation>
<LastModified>2026-11-27T01:00:00.000Z</LastModified><ETag>{etag}</ETag><Size>{size}</Size></Contents>"""
_AZURE = """<EnumerationResults ContainerName='shop'><Blobs>{items}</Blobs>
<NextMarker>{token}</NextMarker></EnumerationResults>"""
_AZURE_ITEM = """<Blob><Name>{key}</Name><Properties><Last-Modified>Fri, 27 Nov 2026 01:00:00 GMT</Last-Modified>
<Etag>{etag}</Etag><Content-Length>{size}</Content-Length><Content-Type>text/csv</Content-Type>
<BlobType>BlockBlob</BlobType></Properties></Blob>"""


@dataclass
class Blob:
    """An object: its bytes as they are stored, and how often it was written."""

    body: bytes
    generation: int
    is_gzip: bool = False

    @property
    def etag(self) -> str:
        """Another one for each generation and content."""
        return f'"{hashlib.md5(self.body + bytes([self.generation % 256])).hexdigest()}"'  # noqa: S324 - no secret


class Blobs:
    """The server.

    Attributes:
        trouble: Given the path of each request; what it gives is done in place of an answer: a status, or (bytes,)
            after which the body is cut.
        requests: The paths that were asked for.
    """

    def __init__(self) -> None:
        self._objects: dict[str, Blob] = {}
        self._writes = 0
        self.trouble: Callable[[str], Any] = lambda _: None
        self.requests: list[str] = []
        blobs = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                blobs.requests.append(self.path)
                trouble = blobs.trouble(self.path)
                status, headers, body = blobs.answer(self.path, dict(self.headers), trouble)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if isinstance(trouble, tuple):
                    self.close_connection = True
                    body = body[: trouble[0]]
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Blobs]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def put(self, key: str, body: bytes, *, is_gzip: bool = False) -> None:
        """Write an object."""
        self._writes += 1
        self._objects[key] = Blob(gzip.compress(body) if is_gzip else body, self._writes, is_gzip)

    def answer(self, path: str, headers: dict[str, str], trouble: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        parts, given = urlsplit(path), {name.lower(): value for name, value in headers.items()}
        if isinstance(trouble, int):
            return trouble, {}, b"<Error><Code>Trouble</Code></Error>"
        name = unquote(parts.path).lstrip("/").removeprefix("account/")
        if name.rstrip("/") == BUCKET:
            return 200, {"Content-Type": "application/xml"}, self._listing(parse_qs(parts.query))
        blob = self._objects.get(name.removeprefix(f"{BUCKET}/")) if name.startswith(f"{BUCKET}/") else None
        if blob is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        if given.get("if-match", blob.etag) != blob.etag:
            return 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
        return self._content(blob, given, unpacks="/account/" not in path)

    @staticmethod
    def _content(blob: Blob, given: dict[str, str], *, unpacks: bool) -> tuple[int, dict[str, str], bytes]:
        described = {"ETag": blob.etag, "Last-Modified": "Fri, 27 Nov 2026 01:00:00 GMT"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", given.get("range", given.get("x-ms-range", "")))
        if wanted:
            start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(blob.body))
            described["Content-Range"] = f"bytes {start}-{end - 1}/{len(blob.body)}"
            return 206, described, blob.body[start:end]
        if unpacks and blob.is_gzip and "gzip" not in given.get("accept-encoding", ""):
            return 200, described, gzip.decompress(blob.body)
        return 200, {**described, **({"Content-Encoding": "gzip"} if blob.is_gzip else {})}, blob.body

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        is_azure = "comp" in query
        prefix = query.get("prefix", [""])[0]
        after = query.get("marker" if is_azure else "continuation-token", [""])[0]
        keys = sorted(key for key in self._objects if key.startswith(prefix) and key > after)
        items = "".join(
            (_AZURE_ITEM if is_azure else _GCS_ITEM).format(
                key=escape(key), etag=escape(blob.etag), size=len(blob.body), generation=blob.generation
            )
            for key in keys[:_PAGE]
            for blob in [self._objects[key]]
        )
        token = escape(keys[_PAGE - 1]) if len(keys) > _PAGE else ""
        return (_AZURE if is_azure else _GCS).format(items=items, token=token, more=str(bool(token)).lower()).encode()
