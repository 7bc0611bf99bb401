"""What a server of webhooks takes: events of 1 kB a second, each durable before its answer, client included.

The client is asyncio with raw sockets that are kept open, on the same cores. Held against the same web server with an
application that does nothing, and with one that syncs a file for each request.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml
from report import PROJECT, Table

REQUESTS = 3_000
CONNECTIONS = 64
_KEY = bytes(range(24))
_SECRET = f"whsec_{base64.b64encode(_KEY).decode()}"
_PATH = "/hooks/payments"
_BARE = """
import asyncio, os, sys
import uvicorn
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
async def app(scope, receive, send):
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part["body"], part.get("more_body", False)
    if sys.argv[3] == "sync":
        os.write(file, body)
        os.fsync(file)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
uvicorn.run(app, port=int(sys.argv[1]), http="h11", loop="asyncio", lifespan="off", access_log=False, log_config=None)
"""
_MODEL = {
    "name": "bronze_payments",
    "description": "One row per event.",
    "config": {
        "meta": {
            "contract": {"version": "1.0.0", "owner": "bench", "new_columns": "rescue"},
            "feed": {
                "kind": "webhook",
                "path": _PATH,
                "signature": {"type": "standard", "secret": "${env:BENCH_HOOK_SECRET}"},
                "reserve": "0 GB",
            },
        }
    },
    "constraints": [{"type": "primary_key", "columns": ["id"]}],
    "columns": [{"name": "id", "data_type": "varchar", "description": "The delivery."}],
}


def tables(folder: Path) -> list[Table]:
    """One table; the base does nothing with what it takes."""
    folder.mkdir(parents=True)
    table = Table(f"{REQUESTS:,} webhooks of 1 kB over {CONNECTIONS} connections, on one machine", "a bare server")
    with _bare(folder, 8971, "no") as bare, _bare(folder, 8972, "sync") as synced, _assay(folder, 8973) as assay:
        servers: Mapping[str, tuple[int, str]] = {
            "a bare server": (bare, "nothing stored"),
            "assay serve": (assay, "signed, checked, an fsync for each group"),
            "an fsync for each request": (synced, "nothing checked"),
        }
        works: dict[str, Callable[[], str]] = {
            name: lambda port=port, note=note: _posted(port, note)  # type: ignore[misc]
            for name, (port, note) in servers.items()
        }
        table.measure(works)
        time.sleep(3)
    landed = sum(len(path.read_bytes().splitlines()) for path in (folder / "home").rglob("*.jsonl"))
    assert landed == REQUESTS * len(table.rows["assay serve"]), landed  # noqa: S101 - else it measured something else
    return [table]


def _posted(port: int, note: str) -> str:
    requests = list(_requests(port))
    began = time.perf_counter()
    waits = sorted(asyncio.run(_send(port, requests)))
    rate = len(requests) / (time.perf_counter() - began)
    p99 = 1000 * waits[int(0.99 * len(waits))]
    return f"{rate:,.0f} a second, p50 {1000 * waits[len(waits) // 2]:.0f} ms, p99 {p99:.0f} ms; {note}"


def _requests(port: int) -> Iterator[bytes]:
    at = str(int(time.time()))
    for number in range(REQUESTS):
        delivery = f"{port}-{time.time_ns()}-{number}"
        body = json.dumps({"amount": number, "text": "x" * 960}).encode()
        signed = hmac.digest(_KEY, f"{delivery}.{at}.".encode() + body, hashlib.sha256)
        yield (
            f"POST {_PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"webhook-id: {delivery}\r\nwebhook-timestamp: {at}\r\n"
            f"webhook-signature: v1,{base64.b64encode(signed).decode()}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body


async def _send(port: int, requests: list[bytes]) -> list[float]:
    """Send all of them; gives how long each was waited for."""
    left = iter(requests)
    waits: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head  # noqa: S101 - else nothing was measured
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length[15:]))
            waits.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return waits


@contextmanager
def _bare(folder: Path, port: int, how: str) -> Iterator[int]:
    with _running([sys.executable, "-c", _BARE, str(port), str(folder / how), how], port):
        yield port


@contextmanager
def _assay(folder: Path, port: int) -> Iterator[int]:
    project = folder / "dbt_project"
    (project / "models").mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / "dbt_project" / name, project)
    (project / "models" / "payments.yml").write_text(yaml.safe_dump({"models": [_MODEL]}))
    places = {"ASSAY_HOME": str(folder / "home"), "ASSAY_DBT_PROJECT": str(project), "BENCH_HOOK_SECRET": _SECRET}
    with _running([str(Path(sys.executable).with_name("assay")), "serve", "--port", str(port)], port, places):
        yield port


@contextmanager
def _running(command: list[str], port: int, places: Mapping[str, str] | None = None) -> Iterator[None]:
    """A server, once it answers."""
    server = subprocess.Popen(command, env={**os.environ, **(places or {})}, stdout=subprocess.DEVNULL)  # noqa: S603 - this Python
    try:
        asyncio.run(_answers(port))
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


async def _answers(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise TimeoutError(f"nothing answers on port {port}")
