"""A bucket with 100,000 objects that are known costs its listing: seconds of a core, and less than 200 MB."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.feeds
OBJECTS = 100_000
_PAGE = 1000
_ITEM = (
    "<Contents><Key>exports/sales/{0:07}.csv</Key><LastModified>2026-11-27T01:00:00.000Z</LastModified>"
    "<ETag>&quot;{0:032x}&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_SCRIPT = """
import json, sys, time
from pathlib import Path
from assay.base.settings import Settings
from assay.contract.feed_kinds.objects import BucketFeed
from assay.feeds.journal import Landed
from assay.connectors.objects.index import ObjectIndex
from assay.connectors.objects.placing import Placing
from assay.connectors.objects.source import Seen
from assay.connectors.objects.fetcher import ObjectsFetcher
from assay.feeds.places import objects_file
from assay.connectors.objects.s3 import S3Source

home, endpoint, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = Settings(home=home)
keys = [f"sales/{number:07}.csv" for number in range(count)]
with ObjectIndex.opened(objects_file(settings, "sales")) as index:
    for number, key in enumerate(keys):
        index.note(Seen(key, f'"{number:032x}"', 12, 0.0), Landed(f"feeds/sales/objects/{key}", "0" * 64, 12, 0))
    index.flush()
    index.mark_loaded(keys)
del keys
Placing._count = lambda self: count  # the ledger of a lake that has loaded all of them
feed = BucketFeed(
    source="sales", kind="bucket", url="s3://shop/exports", endpoint=endpoint, files="sales/*.csv", is_anonymous=True
)
fetcher = ObjectsFetcher(settings, feed, S3Source(feed))
with fetcher.alone():
    fetcher.fetch()
    before = time.process_time()
    fetched = fetcher.fetch()
status = Path("/proc/self/status").read_text()  # ru_maxrss counts the process that started this one
peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps({"landed": fetched.records, "seconds": time.process_time() - before, "peak_mb": peak}))
"""


@pytest.fixture
def service() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that lists, and the requests that it got."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            requests.append(self.path)
            start = int(parse_qs(urlsplit(self.path).query).get("continuation-token", ["0"])[0])
            end = start + _PAGE
            token = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < OBJECTS else ""
            items = "".join(_ITEM.format(number) for number in range(start, end))
            body = (
                f"<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>{str(bool(token)).lower()}"
                f"</IsTruncated><EncodingType>url</EncodingType>{token}{items}</ListBucketResult>"
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", requests
    server.shutdown()
    server.server_close()


def test_known_objects_cost_their_listing(tmp_path: Path, service: tuple[str, list[str]]) -> None:
    address, requests = service
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path), address, str(OBJECTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout.splitlines()[-1])
    print(cost)  # noqa: T201 - shown when it fails
    assert cost["landed"] == 0
    assert cost["seconds"] < 15, "four on a quiet machine"
    assert cost["peak_mb"] < 200
    assert len(requests) == 2 * OBJECTS / _PAGE
