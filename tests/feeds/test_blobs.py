"""Objects of GCS and of Azure Blob become rows; each test runs for both."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import AzureStore

from tests.blobs import BUCKET, Blobs
from tests.install_servers import azurite
from tests.objects import ObjectsLake, csv

pytestmark = pytest.mark.feeds
KEY = base64.b64encode(b"planted, and sixty-four bytes long for a key of an Azure account").decode()


@pytest.fixture
def blobs() -> Iterator[Blobs]:
    with Blobs().running() as blobs:
        yield blobs


@pytest.fixture(params=["gs", "az"])
def feed(request: pytest.FixtureRequest, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    base = {"kind": "bucket", "url": f"{request.param}://{BUCKET}/exports", "files": "**/*.csv"}
    if request.param == "gs":
        account = {"private_key": KEY, "private_key_id": "", "client_email": "", "disable_oauth": True}
        monkeypatch.setenv("GCS_ACCOUNT", json.dumps(account))
        return {**base, "endpoint": blobs.address, "service_account": "${env:GCS_ACCOUNT}"}
    monkeypatch.setenv("AZURE_KEY", KEY)
    return {**base, "endpoint": f"{blobs.address}/account", "account": "account", "account_key": "${env:AZURE_KEY}"}


@pytest.fixture
def lake(tmp_path: Path, feed: dict[str, Any]) -> ObjectsLake:
    return ObjectsLake(tmp_path / "lake", feed)


def test_objects_land_and_newer_versions_replace_older_ones(lake: ObjectsLake, blobs: Blobs) -> None:
    for number in range(8):
        blobs.put(f"exports/day={number}/ü +%20.csv", csv((number, number)))
    blobs.put("exports/empty.csv", b"")
    blobs.put("exports/zipped.csv", csv((100, 1)), is_gzip=True)
    blobs.put("other/c.csv", csv((4, 40)))
    assert "10 objects landed" in lake.fetch()
    assert gzip.decompress(lake.landed()["zipped.csv"]) == csv((100, 1)), "bytes are as they are stored"
    blobs.requests.clear()
    assert "0 objects landed" in lake.fetch()
    assert not [path for path in blobs.requests if ".csv" in path.split("?")[0]], "known objects cost a listing"
    blobs.put("exports/day=1/ü +%20.csv", csv((1, 11)))
    blobs.put("exports/empty.csv", csv((200, 2)))
    assert "2 not landed: the older version in landing is not loaded yet" in lake.fetch()
    assert [number for number, _ in lake.silver()] == [*range(8), 100]
    assert "2 objects landed" in lake.fetch()
    assert lake.silver() == [(number, 11 if number == 1 else number) for number in range(8)] + [(100, 1), (200, 2)]
    kept = [path.read_bytes() for path in lake.home.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in content for content in kept)


def test_parts_and_troubles(lake: ObjectsLake, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.connectors.objects.blobs.PART", 100_000)
    big = csv(*((number, number) for number in range(40_000)))
    blobs.put("exports/big.csv", big)
    troubles = iter([None, 500, None, (10,), (50_000,)])
    blobs.trouble = lambda _: next(troubles, None)
    assert "1 objects landed" in lake.fetch()
    assert lake.landed() == {"big.csv": big}
    blobs.put("exports/second.csv", big)
    changes = iter([csv((1, 2)) * 40_000])

    def change(path: str) -> None:
        if "second" in path and (body := next(changes, None)):
            blobs.put("exports/second.csv", body)

    blobs.trouble = change
    told = lake.fetch()
    assert "0 objects landed" in told and "1 not landed" in told
    assert "1 objects landed" in lake.fetch()
    assert lake.landed()["second.csv"] == csv((1, 2)) * 40_000


def test_what_cannot_be_read_is_told(lake: ObjectsLake, blobs: Blobs, feed: dict[str, Any]) -> None:
    blobs.put("exports/a.csv", csv((1, 1)))
    blobs.put("exports/b.csv", csv((2, 2)))
    blobs.put("exports/folder.csv/", b"")
    blobs.trouble = lambda path: 403 if "a%2E" in path or "a.csv" in path else None
    told = lake.fetch()
    assert "1 objects landed" in told and "1 cannot land, the first is a.csv" in told
    blobs.trouble = lambda _: 403
    told = lake.fetch(code=1)
    assert "cannot be listed" in told and KEY not in told
    blobs.trouble = lambda _: None
    lake.declare({**feed, "url": feed["url"].replace(BUCKET, "nowhere")})
    assert "cannot be listed" in lake.fetch(code=1)
    lake.declare(feed)
    blobs.put("exports/x//y.csv", csv((3, 3)))
    told = lake.fetch(code=1)
    assert "cannot be listed" in told and "x//y.csv" in told


def test_azure_as_its_emulator_speaks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = azurite()
    if program is None:
        missing = "azurite is not installed: `make feeds` does it"
        (pytest.fail if os.environ.get("CI") or os.environ.get("ASSAY_FEEDS") else pytest.skip)(missing)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(tmp_path / "az")]
    service = subprocess.Popen(
        [*command, "--silent", "--skipApiVersionCheck"],
        env={**os.environ, "AZURITE_ACCOUNTS": f"account:{KEY}"},
    )
    try:
        _make_container(port)
        address = f"http://127.0.0.1:{port}/account"
        config: Any = {"account_name": "account", "account_key": KEY, "endpoint": address}
        store = AzureStore(BUCKET, config=config, client_options={"allow_http": True})
        monkeypatch.setenv("AZURE_KEY", KEY)
        feed = {"kind": "bucket", "url": f"az://{BUCKET}/exports", "endpoint": address, "files": "**/*.csv",
                "account": "account", "account_key": "${env:AZURE_KEY}"}  # fmt: skip
        lake = ObjectsLake(tmp_path / "lake", feed)
        for number in range(8):
            obstore.put(store, f"exports/day={number}/ü +.csv", csv((number, number)))
        monkeypatch.setattr("assay.connectors.objects.blobs.PART", 10)
        assert "8 objects landed" in lake.fetch()
        assert [number for number, _ in lake.silver()] == [*range(8)]
        obstore.put(store, "exports/day=1/ü +.csv", csv((1, 11)))
        assert "1 objects landed" in lake.fetch()
        assert lake.silver()[1] == (1, 11)
        monkeypatch.setenv("AZURE_KEY", base64.b64encode(b"another").decode())
        assert "cannot be listed" in lake.fetch(code=1)
    finally:
        service.kill()
        service.wait()


def _make_container(port: int) -> None:
    """Ask the emulator for a container, as soon as it listens."""
    now = formatdate(usegmt=True)
    headers = {"x-ms-date": now, "x-ms-version": "2023-11-03", "Content-Length": "0"}
    place = f"/account/account/{BUCKET}\nrestype:container"
    signed = "PUT" + "\n" * 12 + f"x-ms-date:{now}\nx-ms-version:2023-11-03\n{place}"
    digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey account:{base64.b64encode(digest).decode()}"
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("PUT", f"/account/{BUCKET}?restype=container", headers=headers)
            answer = connection.getresponse()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
            continue
        assert answer.status == 201, answer.read()
        return
