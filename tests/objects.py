"""A real S3 server in a thread, and lakes with a feed of objects."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from assay.base.settings import Settings
from assay.cli.main import app
from assay.orchestration.instance import prepare_instance
from assay.tables.dbt import parse_if_changed
from tests.lab import Lab
from tests.postgres import parsed_project

SECRET = "hunter2/planted+SECRET"  # noqa: S105 - of a server that lives for a minute
ACCESS = {"access_key": "reader", "secret_key": "${env:BUCKET_SECRET}", "region": "us-east-1"}


class ObjectsLake:
    """A lake with one source, `sales`, of CSV files with `id` and `amount`, that a feed fetches."""

    def __init__(self, home: Path, feed: dict[str, Any], **contract: Any) -> None:
        self.project, self.home = home / "dbt_project", home / "data"
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
        text = yaml.safe_dump({"models": [model]}, allow_unicode=True, sort_keys=False)
        shutil.rmtree(self.project, ignore_errors=True)
        shutil.copytree(parsed_project(text), self.project)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, dbt_project=self.project, watch_seconds=0.0)

    def lab(self) -> Lab:
        lab = Lab(self.home, self.project)
        prepare_instance(lab.settings)
        parse_if_changed(lab.settings)
        return lab

    @property
    def environment(self) -> dict[str, str]:
        places = {"ASSAY_HOME": str(self.home), "ASSAY_DBT_PROJECT": str(self.project)}
        return {**os.environ, **places, "BUCKET_SECRET": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("assay")), "feed", *arguments]

    def feed(self, *arguments: str, code: int = 0, **more: Any) -> str:
        """Run `assay feed …` and give all that it printed; in a process of its own where options for that are given."""
        if more:
            options = {"env": self.environment, "cwd": self.project.parent, **more}
            done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, **options)
            ended, told = done.returncode, done.stdout + done.stderr
        else:
            result = CliRunner().invoke(app, ["feed", *arguments], env=self.environment)
            ended, told = result.exit_code, result.output + (repr(result.exception) if result.exit_code > 1 else "")
            assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert ended == code, told
        return " ".join(told.split())

    def fetch(self, **more: Any) -> str:
        return self.feed("run", "sales", "--once", **more)

    @property
    def folder(self) -> Path:
        return self.settings.landing / "feeds" / "sales"

    def landed(self) -> dict[str, bytes]:
        """The files that landed, by their names below the folder of objects."""
        below = self.folder / "objects"
        return {path.relative_to(below).as_posix(): path.read_bytes() for path in below.rglob("*") if path.is_file()}

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
