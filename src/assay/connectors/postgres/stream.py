"""What a COPY of PostgreSQL sends, in pieces of whole rows.

libpq gives a message a row. psycopg makes a generator of each, which costs twice what all the rest of reading a row
does; here rows are taken from libpq as long as some are there, and waited for when none is.
"""

from __future__ import annotations

from collections.abc import Generator
from select import POLLIN, poll
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGconn, PGresult

_LOOK_MS = 1_000
"""Milliseconds that are waited at once, so that a signal is heeded."""


def pieces(connection: psycopg.Connection, query: bytes, size: int) -> Generator[bytearray]:
    """The rows of a `copy … to stdout`, joined; what is not read to its end is cancelled.

    Args:
        connection: In a transaction.
        query: The statement.
        size: Bytes of a piece, about; a row is never cut.

    Raises:
        psycopg.Error: The server says no, or is gone.
    """
    from psycopg.pq import ExecStatus  # noqa: PLC0415 - an extra

    server = connection.pgconn
    server.send_query(query)
    _result(server, ExecStatus.COPY_OUT)
    is_over = False
    try:
        piece = bytearray()
        take = server.get_copy_data
        while True:
            length, row = take(1)
            if length > 0:
                piece += row
                if len(piece) >= size:
                    yield piece
                    piece = bytearray()
            elif length == 0:
                _wait(server)
            else:
                break
        is_over = True
        _result(server, ExecStatus.COMMAND_OK)
        if piece:
            yield piece
    finally:
        if not is_over:
            _give_up(connection)


def _give_up(connection: psycopg.Connection) -> None:
    """Have the server end what it sends; the transaction of it has to be rolled back."""
    from psycopg import Error  # noqa: PLC0415 - an extra

    server = connection.pgconn
    try:
        connection.cancel_safe(timeout=5)
        while (length := server.get_copy_data(1)[0]) >= 0:
            if length == 0:
                _wait(server)
        while server.get_result() is not None:
            pass
    except (Error, OSError):  # it is gone, which the next statement says
        connection.close()


def _result(server: PGconn, wanted: int) -> PGresult:
    """The result of what was sent.

    Raises:
        psycopg.Error: It is an error.
    """
    from psycopg.errors import OperationalError, error_from_result  # noqa: PLC0415 - an extra
    from psycopg.pq import ExecStatus  # noqa: PLC0415 - an extra

    first = None
    while True:
        server.flush()
        while server.is_busy():
            _wait(server)
        result = server.get_result()
        if result is None:
            break
        first = first or result
        if result.status == ExecStatus.COPY_OUT:
            break
    if first is None:
        raise OperationalError("the server ended a statement without a result")
    if first.status != wanted:
        raise error_from_result(first)
    return first


def _wait(server: PGconn) -> None:
    """Until the server has sent something."""
    ready = poll()
    ready.register(server.socket, POLLIN)
    ready.poll(_LOOK_MS)
    server.consume_input()
