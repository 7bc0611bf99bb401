"""A real S3 server in a thread, and lakes with a feed of objects."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from tests.fed_lake import OneFeed
from tests.ports import free_port

SECRET = "hunter2/planted+SECRET"  # noqa: S105 - of a server that lives for a minute
ACCESS = {"access_key": "reader", "secret_key": "${env:BUCKET_SECRET}", "region": "us-east-1"}


class Moto:
    """An S3 server on a port of 127.0.0.1, whose buckets outlive a restart."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.port = free_port()
        self._server: ThreadedMotoServer | None = None

    def start(self) -> None:
        """Answer requests."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        """Answer none any more."""
        assert self._server is not None
        self._server.stop()


class ObjectsLake(OneFeed):
    """A lake with one source, `sales`, of CSV files with `id` and `amount`, that a feed fetches."""

    source = "sales"
    secrets = {"BUCKET_SECRET": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}  # noqa: RUF012 - nobody changes it

    def __init__(self, home: Path, feed: dict[str, Any], **contract: Any) -> None:
        super().__init__(home)
        self.declare(feed, **contract)

    def declare(
        self, feed: dict[str, Any], columns: tuple[str, ...] = (), key: tuple[str, ...] = ("id",), **contract: Any
    ) -> None:
        """Write the yml of the source.

        Args:
            feed: The block `feed`.
            columns: Texts beside `id` and `amount`.
            key: Its columns.
            contract: Keys of the contract that are not as usual.
        """
        declared = {
            "version": "1.0.0",
            "owner": "tests",
            "new_columns": "rescue",
            "format": {"type": "csv", "delimiter": ",", "header": True, "encoding": "utf-8"},
            "load": "events",
            **contract,
        }
        kinds = {"id": "bigint", "amount": "decimal(10,2)", **dict.fromkeys(columns, "varchar")}
        model = {
            "name": "bronze_sales",
            "description": "One row per sale.",
            "config": {"meta": {"contract": declared, "feed": feed}},
            "constraints": [{"type": "primary_key", "columns": list(key)}],
            "columns": [{"name": name, "data_type": kind} for name, kind in kinds.items()],
        }
        self.write(model)

    def landed(self) -> dict[str, bytes]:
        """The files that landed, by their names below the folder of objects."""
        below = self.folder / "objects"
        return {path.relative_to(below).as_posix(): path.read_bytes() for path in below.rglob("*") if path.is_file()}

    def count_of_versions(self) -> Callable[[], int]:
        """Counts the versions that have landed since it was made, also those in the places of others."""
        seen: set[tuple[int, int]] = set()

        def count() -> int:
            for path in (self.folder / "objects").rglob("*.csv"):
                with suppress(FileNotFoundError):
                    seen.add(((stat := path.stat()).st_ino, stat.st_ctime_ns))
            return len(seen)

        return count

    def silver(self) -> list[tuple[Any, ...]]:
        """What is loaded now, after a run."""
        lab = self.lab()
        lab.good_run()
        return lab.rows("select id, amount from silver.sales order by id")


def csv(*rows: tuple[int, Any]) -> bytes:
    """A file of sales."""
    return "".join(["id,amount\n", *(f"{number},{amount}\n" for number, amount in rows)]).encode()


class Proxy:
    """An HTTP server that passes requests on, and answers some otherwise.

    Attributes:
        trouble: Given the path of each request; what it gives is done in place of passing on: a status, (bytes,) after
            which the body is cut, or a function that gives another body, which goes without S3's checksum.
    """

    def __init__(self, port: int) -> None:
        self.trouble: Callable[[str], Any] = lambda _: None
        self.requests: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.requests.append(self.path)
                trouble = proxy.trouble(self.path)
                if isinstance(trouble, int) and trouble >= 400:
                    self.send_response(trouble)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self._pass_on(port, trouble)

            do_HEAD = do_GET  # noqa: N815 - as http.server wants it

            def _pass_on(self, port: int, trouble: Any) -> None:
                from http.client import HTTPConnection  # noqa: PLC0415 - of this server alone

                connection = HTTPConnection("127.0.0.1", port)
                connection.request(self.command, self.path, headers=dict(self.headers))
                answer = connection.getresponse()
                body = answer.read()
                left_out = ["transfer-encoding", "connection", "content-length"]
                if callable(trouble):
                    body = trouble(body)
                    left_out.append("x-amz-checksum-crc32")
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in left_out:
                        self.send_header(name, value)
                self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(body)))
                self.end_headers()
                if isinstance(trouble, tuple):
                    body = body[: trouble[0]]
                    self.close_connection = True
                self.wfile.write(body)
                connection.close()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
