"""`assay serve`: takes the webhooks of all feeds.

The process stays for months and does little: what it needs of dbt and of the ledger it asks processes that end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from assay.base import log
from assay.base.run_lock import is_locked
from assay.base.settings import Settings
from assay.cli.console import complain, out, warn
from assay.connectors.webhook.landing import Look
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.errors import Elsewhere, FeedError, Permanent, Transient
from assay.feeds.last_fetch import note_problem
from assay.feeds.places import lock_file
from assay.fetching.process import ELSEWHERE, PERMANENT, end_with_standard_input

COMMAND = (sys.executable, "-P", "-m", "assay.cli.serving")
"""`assay serve` as the services start it: where the settings say, and until its standard input ends."""
FAILED = 1
_LOOK_SECONDS = 600.0


def serve(host: str | None, port: int | None) -> int:
    """Serve all feeds of webhooks until the process is told to end; gives the exit code.

    Args:
        host: An address of this machine; None for that of the settings.
        port: As above.
    """
    settings = Settings.from_env()
    log.configure(settings)
    try:
        _serve(settings, settings.serve_host if host is None else host, settings.serve_port if port is None else port)
    except FeedError as error:
        complain(str(error))
        return FAILED
    return 0


def main() -> None:
    """Serve them for the services, which tell by the exit code what to do about its end."""
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    settings = Settings.from_env()
    log.configure(settings)
    try:
        _serve(settings, settings.serve_host, settings.serve_port)
    except Elsewhere:  # of which the services say nothing each time
        sys.exit(ELSEWHERE)
    except FeedError as error:
        complain(str(error))
        sys.exit(PERMANENT if isinstance(error, Permanent) else FAILED)


def _serve(settings: Settings, host: str, port: int) -> None:
    """Serve them; what is in the way of all of them is noted of each.

    Raises:
        Elsewhere: Another process serves one of them.
        FeedError: They cannot be served.
    """
    feeds = _declared()
    if not feeds:
        raise Permanent("no source of this project has a feed of kind webhook; docs/feeds_webhook.md shows one")
    from assay.connectors.webhook import serving as webhook_serving  # noqa: PLC0415 - the server's libraries

    try:
        webhook_serving.refuse_what_cannot_be_served(feeds, host)
        for feed in feeds:
            if feed.signature == "none":
                warn(f"feed {feed.source} is not signed: every process of this machine may send to {feed.path}")
        webhook_serving.serve(settings, feeds, host, port, _look_at(feeds), lambda address: _tell(address, feeds))
    except Permanent as error:
        if not any(is_locked(lock_file(settings, feed.source)) for feed in feeds):
            for feed in feeds:
                note_problem(settings, feed.source, error)
        raise


def _declared() -> list[WebhookFeed]:
    """The feeds of webhooks that the project declares.

    Raises:
        Permanent: The project cannot be read.
    """
    answer = _asked("declared")
    if isinstance(answer, Mapping):
        raise Permanent(answer["problem"])
    return [_feed(values) for values in answer]


def _look_at(feeds: list[WebhookFeed]) -> Any:
    """What says where a feed is."""
    declared = {feed.source: json.dumps(asdict(feed)) for feed in feeds}
    return lambda name: Look(**_asked("look", declared[name]))


def _asked(what: str, text: str = "") -> Any:
    """What a process of `webhook_looks` answers.

    Raises:
        Transient: It died.
    """
    command = [sys.executable, "-P", "-m", "assay.cli.webhook_looks", what]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter and a module of this package
            command, input=text, capture_output=True, text=True, timeout=_LOOK_SECONDS, check=False
        )
        return json.loads(done.stdout.rstrip().rpartition("\n")[2])
    except (subprocess.TimeoutExpired, ValueError) as error:
        told = done.stderr.strip().rpartition("\n")[2] if isinstance(error, ValueError) else "it took too long"
        raise Transient(f"cannot tell where the feeds are: {log.brief(told)}") from None


def _feed(values: Mapping[str, Any]) -> WebhookFeed:
    """A feed as JSON gave it back, which has no tuples."""
    options: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
    return WebhookFeed(**options)


def _tell(address: str, feeds: list[WebhookFeed]) -> None:
    for feed in feeds:
        if log.is_on():
            log.info("serving", feed=feed.source, path=feed.path, address=address)
        else:
            out.print(f"{feed.source}: {address}{feed.path}", highlight=False, markup=False)


if __name__ == "__main__":
    main()
