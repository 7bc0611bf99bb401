"""The process that serves the page, from its start to its end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay.base.errors import UserError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_WAITING = 128
_GRACE_SECONDS = 2


class CannotListen(UserError):
    """The address cannot be used."""


def serve(make: Callable[[], ASGIApp], host: str, port: int, tell: Callable[[str], object]) -> None:
    """Serve an application until the process is told to end by SIGTERM or SIGINT.

    Args:
        make: Gives the application, once the address is known to be free.
        host: An address or name of this machine.
        port: 0 for any that is free.
        tell: Gets the address when requests are answered.

    Raises:
        CannotListen: Something else uses the address, or it is none of this machine.
    """
    import uvicorn  # noqa: PLC0415 - a third of a second that other commands should not cost

    with _listener(host, port) as listener:
        config = uvicorn.Config(
            make(),
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        tell(address_of(listener))
        uvicorn.Server(config).run(sockets=[listener])


def address_of(listener: socket.socket) -> str:
    """The address under which a browser of this machine finds it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_WAITING)
    except OSError as error:
        raise CannotListen(
            f"cannot show the page on {host}:{port}: {error.strerror or error}; choose another --host or --port, "
            "or end what uses this one"
        ) from None
    with listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener
