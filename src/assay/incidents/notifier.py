"""Delivers messages about incidents by Apprise, in a process of its own: `python -m assay.incidents.notifier HOME`.

A receiver that is down or hangs holds up nobody: not a run, not a sensor, not another receiver. The process serves all
receivers at once, each in a thread, ends by itself when nothing is left to send, and is ended when a receiver hangs. A
lock makes it one process at a time. What could not be sent stays in the store and is tried again by a later process.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from assay.base.run_lock import LockTimeout, RunLock
from assay.base.settings import Settings
from assay.incidents import outbox
from assay.incidents.receivers import Receiver, ReceiverError, read_receivers
from assay.incidents.reconcile import OWNER
from assay.incidents.store import opened

SERVE_SECONDS = 20.0
"""After this nothing more is begun; what is left goes with the next process."""
END_SECONDS = 20.0
"""How long what was begun may then take. Apprise gives most services 4 s to connect and 4 s to answer."""
NOT_TAKEN = "did not take the message"
NO_SERVICE = "is not an address that Apprise understands"

Send = Callable[[Receiver, outbox.Delivery], str]
"""Sends a message; returns why it failed, or nothing."""


def poke(settings: Settings, now: datetime) -> subprocess.Popen[bytes] | None:
    """Start a process that delivers, if a message waits for a receiver that may be tried; does not wait for it.

    Args:
        settings: The lake.
        now: The time.

    Raises:
        ReceiverError: `ASSAY_NOTIFY` or `notify.yml` is not understood.
    """
    receivers = read_receivers(settings.home, settings.notify.get_secret_value())
    if not receivers or not settings.incidents.exists():
        return None
    with opened(settings.incidents) as connection:
        for receiver in receivers:
            outbox.prepare(connection, receiver, receivers, now)
        if not any(
            outbox.is_due(connection, receiver, now) and outbox.next_delivery(connection, receiver, receivers)
            for receiver in receivers
        ):
            return None
    return subprocess.Popen(  # noqa: S603 - this interpreter and this module
        [sys.executable, "-m", "assay.incidents.notifier", str(settings.home)],
        cwd=settings.home,
        env={**os.environ, "ASSAY_NOTIFY": settings.notify.get_secret_value()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends `assay dev`, but not a message on its way
    )


def deliver(settings: Settings, send: Send | None = None) -> bool:
    """Send what waits to each receiver that may be tried, all at once, and each one's messages in their order.

    Args:
        settings: The lake.
        send: By Apprise, when it is not given.

    Returns:
        Whether all threads have ended; otherwise a receiver hangs.

    Raises:
        ReceiverError: as of `poke`.
    """
    receivers = read_receivers(settings.home, settings.notify.get_secret_value())
    lock = RunLock(settings.home / "notify.lock")
    try:
        lock.acquire(f"process {os.getpid()}", wait_seconds=0)
    except LockTimeout:
        return True  # another process delivers
    with lock:
        is_over = threading.Event()
        threads = [
            threading.Thread(target=_serve, args=(settings.incidents, receiver, receivers, send or by_apprise, is_over))
            for receiver in receivers
        ]
        for thread in threads:
            thread.daemon = True
            thread.start()
        begun = time.monotonic()
        _join(threads, begun + SERVE_SECONDS)
        is_over.set()
        _join(threads, begun + SERVE_SECONDS + END_SECONDS)
        return not any(thread.is_alive() for thread in threads)


def _join(threads: list[threading.Thread], deadline: float) -> None:
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _serve(path: Path, receiver: Receiver, receivers: list[Receiver], send: Send, is_over: threading.Event) -> None:
    with opened(path) as connection:
        outbox.prepare(connection, receiver, receivers, datetime.now(UTC))
        while not is_over.is_set() and outbox.is_due(connection, receiver, datetime.now(UTC)):
            delivery = outbox.next_delivery(connection, receiver, receivers)
            if delivery is None:
                return
            outbox.note_try(connection, receiver, datetime.now(UTC))
            problem = send(receiver, delivery)
            if problem:
                outbox.note_problem(connection, receiver, problem)
                return
            outbox.note_sent(connection, receiver, delivery, datetime.now(UTC))


def by_apprise(receiver: Receiver, delivery: outbox.Delivery) -> str:
    """Send one message by the service that the receiver's URL names."""
    import apprise  # noqa: PLC0415 - most commands send nothing

    logging.getLogger("apprise").disabled = True  # its warnings name hosts, accounts and whole URLs
    service = apprise.Apprise.instantiate(receiver.url, suppress_exceptions=True)
    if service is None:
        return NO_SERVICE
    messenger = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Assay", async_mode=False))
    messenger.add(service)
    kind = "success" if delivery.about == "closed" else "warning" if delivery.level == OWNER else "failure"
    is_taken = messenger.notify(
        body=delivery.body,
        title=delivery.title,
        notify_type=apprise.NotifyType(kind),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return "" if is_taken else NOT_TAKEN


def main() -> None:
    """Deliver once for the lake that is named, and end even if a receiver hangs."""
    settings = Settings(home=Path(sys.argv[1]), notify=SecretStr(os.environ.get("ASSAY_NOTIFY", "")))
    try:
        has_ended = deliver(settings)
    except ReceiverError as error:
        sys.exit(f"assay: {error}")
    if not has_ended:
        os._exit(1)


if __name__ == "__main__":
    main()
