"""The process that serves all feeds of webhooks, from its start to its end."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from assay.base.settings import Settings
from assay.connectors.webhook.intake import Intake
from assay.connectors.webhook.landing import Look
from assay.connectors.webhook.notices import heed_libraries, problem
from assay.connectors.webhook.server import WebhookServer
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.errors import Permanent
from assay.feeds.last_fetch import note_served
from assay.feeds.places import alone

HEAD_SECONDS = 10.0
"""In which the first request of a connection has to say what it is."""
KEEP_SECONDS = 60
CONNECTIONS = 2_000
GRACE_SECONDS = 20
"""For requests that are under way when the process is told to end."""
_WAITING = 2_048
_SWITCH_SECONDS = 0.0005
"""A thread that comes back from the disk waits as long for Python's lock; a group is answered three times as fast."""


def serve(
    settings: Settings,
    feeds: Sequence[WebhookFeed],
    host: str,
    port: int,
    look: Callable[[str], Look],
    tell: Callable[[str], object],
) -> None:
    """Serve feeds until the process is told to end by SIGTERM or SIGINT.

    Args:
        settings: The lake.
        feeds: At least one.
        host: An address or name of this machine.
        port: 0 for any that is free.
        look: Says where a feed is.
        tell: Gets the address once requests are answered.

    Raises:
        Permanent: Another process serves a feed, two feeds share a path, a secret is missing, or the address cannot be
            used.
    """
    refuse_what_cannot_be_served(feeds, host)
    sys.setswitchinterval(_SWITCH_SECONDS)
    _allow_connections()
    heed_libraries()
    with ExitStack() as held:
        for feed in feeds:
            held.enter_context(alone(settings, feed.source))
        pool = held.enter_context(ThreadPoolExecutor(2 * len(feeds), thread_name_prefix="webhook"))
        intakes = {
            feed.path: Intake(settings, feed, lambda name=feed.source: look(name), pool)  # type: ignore[misc]
            for feed in feeds
        }
        listener = held.enter_context(_listener(host, port))
        for feed in feeds:
            note_served(settings, feed.source)
        with asyncio.Runner() as runner:
            runner.run(_serve(intakes, listener, tell))


def refuse_what_cannot_be_served(feeds: Sequence[WebhookFeed], host: str) -> None:
    """Refuse feeds that cannot be served together, or there.

    Raises:
        Permanent: Two share a path, or one that is not signed would be open to other machines.
    """
    paths: dict[str, str] = {}
    for feed in feeds:
        if feed.path in paths:
            raise Permanent(f"feeds {paths[feed.path]} and {feed.source} have the same path {feed.path}; change one")
        paths[feed.path] = feed.source
        if feed.signature == "none" and not is_loopback(host):
            raise Permanent(
                f"feed {feed.source} is not signed (signature: {{type: none}}), and {host} is open to other machines: "
                "whoever reaches the port could send; let senders sign, or serve it on 127.0.0.1"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _allow_connections() -> None:
    """Let this process have as many files open as it takes connections, where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 2 * CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that is bound to an address.

    Raises:
        Permanent: It cannot be.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_WAITING)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does not, and answers wait for 40 ms
    except OSError as error:
        raise Permanent(
            f"cannot serve on {host}:{port}: {error.strerror or error}; choose others by --host and --port, or end "
            "what uses them"
        ) from None
    with listener:
        yield listener


class _Impatient(H11Protocol):
    """Closes a connection that does not say in time what it asks for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._close_unless_asked)

    def _close_unless_asked(self) -> None:
        if self.cycle is None:
            self.transport.close()


class _Server(uvicorn.Server):
    """Leaves signals to `_serve`: uvicorn would raise them again at its end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See `uvicorn.Server`."""
        yield


async def _serve(intakes: dict[str, Intake], listener: socket.socket, tell: Callable[[str], object]) -> None:
    config = uvicorn.Config(
        WebhookServer(intakes),
        http=_Impatient,
        loop="none",
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_WAITING,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit  # told twice: at once
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(intake.begin() for intake in intakes.values()))
    tasks = [
        asyncio.create_task(task) for intake in intakes.values() for task in (intake.land_on(), intake.keys.renew_on())
    ]
    for task in tasks:
        task.add_done_callback(lambda _: stop())  # one that fails ends the process, so that it is seen
    host, port = listener.getsockname()[:2]
    tell(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*(_end(intake) for intake in intakes.values()))


async def _end(intake: Intake) -> None:
    if not await intake.end():
        name = intake.feed.source
        problem(f"feed {name}: events wait aside, and land at the next start", feed=name)
