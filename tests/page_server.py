"""`assay page` as a process of its own on a lake with a month of receipts, two incidents and a hostile file name."""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from assay.base.settings import Settings
from assay.cli.incidents import look_after_run
from tests.lab import Lab, product, receipt
from tests.ports import free_port
from tests.processes import start, wait_until

HOSTILE = "<img src=x onerror=alert(1)>"
FIRST = date(2017, 1, 2)
DAYS = 30


def day_of(number: int) -> date:
    """The day of a file of receipts."""
    return FIRST + timedelta(days=number)


def receipts_of(number: int) -> list[dict[str, object]]:
    """The receipts of a day: 2 stores, a few lines each."""
    at = f"{day_of(number)} 15:00:00"
    return [
        receipt(basket_id=1000 * number + line, store_id=7 + line % 2, household_id=line, transaction_timestamp=at)
        for line in range(6)
    ]


def fill(lab: Lab) -> None:
    """A month of receipts, records that break rules, a file that is refused, and what is wrong of it."""
    lab.products("2017-01-01", [product(product_category=HOSTILE)])
    for number in range(DAYS):
        lab.receipts(f"transactions_{day_of(number)}", receipts_of(number))
    lab.receipts("odd", [receipt(basket_id=9, quantity=0), receipt(basket_id=10, sales_value=HOSTILE)])
    lab.put(f"transactions/{HOSTILE}.csv", b"no header at all")
    lab.good_run()
    look_after_run(lab.settings)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The page, as long as the block lasts; gives its address."""
    port = free_port()
    process = start(settings, "page", "--port", str(port), output=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: _answers(address), process), "the page did not start"
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def text_of(html: str) -> str:
    """What a reader sees of a view."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<main")[2]).split())


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/static/icon.svg", timeout=5):  # noqa: S310 - a server of ours
            return True
    except OSError:
        return False
