"""Readers of the page never wait for a run, get no error, and never see rows of one run beside files of another."""

from __future__ import annotations

import os
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.lab import Lab, product
from tests.page_server import day_of, receipts_of, serving, text_of

RUNS = int(os.environ.get("ASSAY_PUBLISHES", "5"))
READERS = int(os.environ.get("ASSAY_READERS", "4"))
PATHS = ("/", "/tables", "/table/gold.daily_sales", "/quarantine", "/files", "/lineage")
PAUSE = 0.2
"""Seconds in which a reader looks at what came, and a run has the processor."""
SLOW = 30.0
"""Seconds that no view may take, on whatever machine; the figures of a quiet one are in docs/page.md."""


def read_on(address: str, is_over: Event, first: int) -> tuple[list[float], set[str]]:
    """Read view after view; gives how long each took, and the days that were seen."""
    took, days = [], set()
    number = first
    while not is_over.is_set():
        path = PATHS[number % len(PATHS)]
        number += 1
        began = time.monotonic()
        with urllib.request.urlopen(f"{address}{path}", timeout=60) as answer:  # noqa: S310 - a server of ours
            text = text_of(answer.read().decode())
            assert answer.status == 200
        took.append(time.monotonic() - began)
        time.sleep(PAUSE)
        if path == "/":
            [day] = set(re.findall(r"data through (\S+) Promise", text.partition("gold.daily_sales")[2][:200]))
            [newest, *_] = re.findall(r"transactions/transactions_(\S+)\.csv", text)
            assert day == newest, f"rows through {day} beside a ledger through {newest}"
            days.add(day)
    return took, days


def test_readers_see_whole_states_while_runs_publish(lab: Lab) -> None:
    lab.products("2017-01-01", [product()])
    lab.receipts(f"transactions_{day_of(0)}", receipts_of(0))
    lab.good_run()
    is_over = Event()
    with serving(lab.settings) as address, ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read_on, address, is_over, first) for first in range(READERS)]
        try:
            for number in range(1, RUNS + 1):
                lab.receipts(f"transactions_{day_of(number)}", receipts_of(number))
                lab.good_run()
                time.sleep(1.0)
        finally:
            is_over.set()
        results = [reader.result() for reader in readers]
    took = sorted(seconds for seconds_of_one, _ in results for seconds in seconds_of_one)
    days = set().union(*(days for _, days in results))
    print(  # noqa: T201 - shown by -s
        f"{len(took)} answers under {READERS} readers and {RUNS} runs; median {took[len(took) // 2]:.2f} s, "
        f"95 % {took[int(0.95 * len(took))]:.2f} s, longest {took[-1]:.2f} s; {len(days)} states seen"
    )
    assert len(days) > RUNS / 2, "the readers did not see the runs"
    assert took[-1] < SLOW
