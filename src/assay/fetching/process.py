"""The process of one feed, which is small: it imports what it fetches with, and neither dbt nor Dagster.

`python -P -m assay.fetching.process FILE [watched] [rest=SECONDS]`: FILE is the number of an open file with what the
yml declares, as JSON. A `watched` process ends when its standard input does: whoever started it holds the other end,
and cannot die without letting go of it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from assay.base import clock, log
from assay.base.errors import UserError
from assay.base.left_out import leave_out_pandas
from assay.base.settings import Settings
from assay.contract.declared_feeds import declared_feed
from assay.contract.feed import FeedDeclaration
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.errors import Elsewhere, Permanent
from assay.feeds.frame import Fetched
from assay.fetching.last_comparison import is_due, note_no_comparison
from assay.fetching.running import run_on

ENDED, PERMANENT, ELSEWHERE = 0, 3, 4
"""Exit codes: it was told to end, somebody has to do something first, another process fetches the feed."""
WATCHED = "watched"
_REST = "rest="
_COMMAND = (sys.executable, "-P", "-m", "assay.fetching.process")
GRACE_SECONDS = 10.0
"""From the end of who started it to the hard end: a statement of the source may take no notice of a signal."""
LIGHT_BYTES = 100 << 20
"""What a feed may keep in memory while it rests."""
SELDOM_SECONDS = 60.0
"""Between two beginnings, at least: each takes 0.4 s of a processor."""


def command(declared: IO[str], *options: str) -> list[str]:
    """The command of the process of a feed; it has to inherit the file."""
    return [*_COMMAND, str(declared.fileno()), *options]


def handed_over(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the process of a feed is told of the bronze model of its source, which is what its yml says.

    Args:
        node: The model, as in dbt's manifest, where it also says when it was read.
    """
    meta = (node.get("config") or {}).get("meta") or {}
    return {"config": {"meta": meta}, **{key: node[key] for key in ("name", "columns", "constraints") if key in node}}


def declared_in(node: Mapping[str, Any], source: str) -> IO[str]:
    """An open file without a name, with all that a process needs to know of a feed.

    Args:
        node: As `handed_over` gives it.
        source: The source.
    """
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - it is handed over
    json.dump({"source": source, "node": node}, file)
    file.flush()
    return file


def become(node: Mapping[str, Any], source: str) -> NoReturn:
    """Turn this process into that of a feed, with nothing of what it has imported.

    Args:
        node: The bronze model of its source, as in dbt's manifest.
        source: The source.
    """
    declared = declared_in(handed_over(node), source)
    os.set_inheritable(declared.fileno(), True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command(declared))  # noqa: S606 - a command of ours


def main() -> None:
    """Fetch a feed until it is told to end, or cannot go on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_watched = WATCHED in sys.argv[2:]
    rest = sum(float(option.removeprefix(_REST)) for option in sys.argv[2:] if option.startswith(_REST))
    if is_watched:
        threading.Thread(target=end_with_standard_input, daemon=True).start()
    leave_out_pandas()
    settings = Settings.from_env()
    log.configure(settings)
    feed, node = _read(int(sys.argv[1]))
    try:
        work = _Work(settings, feed, node)
        run_on(settings, feed, work.tell, work.before_rest, rest)
    except KeyboardInterrupt:
        sys.exit(ENDED)  # who is told to end did what it was there for
    except Permanent as error:
        if not (is_watched and isinstance(error, Elsewhere)):  # of which the services say nothing each time
            _complain(feed.source, str(error))
        sys.exit(1 if not is_watched else ELSEWHERE if isinstance(error, Elsewhere) else PERMANENT)


def _read(descriptor: int) -> tuple[FeedDeclaration, Mapping[str, Any]]:
    """What is to be fetched, and the model that declares it."""
    text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    declared = json.loads(text)
    feed = declared_feed(declared["source"], declared["node"])
    assert feed is not None  # noqa: S101 - only a model with a feed is handed over
    gc.collect()
    return feed, declared["node"]


def end_with_standard_input() -> None:
    """Have this process told to end once its standard input ends; called by a thread of its own."""
    while os.read(0, 1 << 10):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(ENDED)  # what has landed is whole, and the lock goes with the process


def _resident() -> int:
    """Bytes of memory that this process has; 0 where that cannot be told."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


class _Work:
    """What a process has done for its feed."""

    def __init__(self, settings: Settings, feed: FeedDeclaration, node: Mapping[str, Any]) -> None:
        self._settings, self._feed, self._node = settings, feed, node
        self._busy_at, self._has_landed = time.monotonic(), False

    def tell(self, fetched: Fetched) -> None:
        """Say what a fetch brought; the log has its own line, and nothing new is nothing to say."""
        if not fetched.batches:
            return
        self._busy_at, self._has_landed = time.monotonic(), True
        if not log.is_on():
            because = f" ({fetched.note})" if fetched.note else ""
            files = "1 file" if len(fetched.batches) == 1 else f"{len(fetched.batches)} files"
            sys.stdout.write(f"feed {self._feed.source}: {fetched.records:,} records landed in {files}{because}\n")
            sys.stdout.flush()

    def before_rest(self) -> None:
        """What is done after each fetch that went well."""
        self._compare_keys_if_due()
        self._begin_anew_if_large()

    def _compare_keys_if_due(self) -> None:
        """Compare keys where the yml asks for it and it is time; what is in the way of that stops no feed."""
        feed, settings = self._feed, self._settings
        if not (isinstance(feed, TableFeed) and is_due(settings, feed.source, feed.compare_seconds, clock.now())):
            return
        from assay.contract.parse import parse_contract  # noqa: PLC0415 - large, and seldom
        from assay.fetching.deleted_keys import compare_keys  # noqa: PLC0415 - as above
        from assay.fetching.kinds import keys_of  # noqa: PLC0415 - as above

        try:
            comparison = compare_keys(settings, parse_contract(self._node), keys_of(feed))
        except (UserError, OSError) as error:
            note_no_comparison(settings, feed.source, clock.now(), str(error))
            log.warning(f"{error}; keys are compared later", feed=feed.source)
            return
        if comparison.gone and not log.is_on():
            sys.stdout.write(
                f"feed {feed.source}: {comparison.gone:,} of {comparison.keys:,} keys are not at the source any more\n"
            )

    def _begin_anew_if_large(self) -> None:
        """Be a new process where writing has left much in memory and nothing has been to do for a while.

        All that a feed knows is on disk. What Arrow and its like have taken they do not give back.
        """
        rests = max(self._feed.every, time.monotonic() - self._busy_at)
        if rests < SELDOM_SECONDS or not self._has_landed or _resident() < LIGHT_BYTES:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        os.set_inheritable(int(sys.argv[1]), True)
        kept = [option for option in sys.argv[2:] if not option.startswith(_REST)]
        again = [*_COMMAND, sys.argv[1], *kept, f"{_REST}{self._feed.every}"]
        os.execv(sys.executable, again)  # noqa: S606 - a command of ours


def _complain(source: str, message: str) -> None:
    if log.is_on():
        log.error(message, feed=source)
    else:
        sys.stderr.write(f"assay: {message}\n")


if __name__ == "__main__":
    main()
