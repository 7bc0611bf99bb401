"""A TCP proxy on a port of 127.0.0.1 that can be cut, as a network is."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from contextlib import suppress


class TcpProxy:
    """Within its block passes connections on to a port.

    Args:
        to: The port, of 127.0.0.1; it may be closed and opened again.
    """

    def __init__(self, to: int) -> None:
        self.to, self.port = to, 0
        self._loop = asyncio.new_event_loop()
        self._passes, self._is_refusing = asyncio.Event(), False
        self._open: set[asyncio.WriteTransport] = set()

    def __enter__(self) -> TcpProxy:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._passes.set()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._pass, "127.0.0.1", 0), self._loop).result()
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._abort)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def cut(self, seconds: float, *, is_silent: bool) -> None:
        """Let nothing through for a while.

        Args:
            seconds: How long.
            is_silent: Whether what is sent is swallowed, and only in the end connections break off; else they break off
                at once and new ones too.
        """
        self._is_refusing = not is_silent
        self._loop.call_soon_threadsafe(self._passes.clear)
        if not is_silent:
            self._loop.call_soon_threadsafe(self._abort)
        time.sleep(seconds)
        self._loop.call_soon_threadsafe(self._abort)
        self._is_refusing = False
        self._loop.call_soon_threadsafe(self._passes.set)

    def cut_for_a_while(self) -> None:
        """Let nothing through for some tenths of a second, so that it is noticed at once or not."""
        self.cut(random.uniform(0.2, 0.7), is_silent=random.random() < 0.5)  # noqa: S311 - no secret

    def _abort(self) -> None:
        for transport in [*self._open]:
            transport.abort()
        self._open.clear()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._is_refusing:
                raise ConnectionError
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer.transport, back.transport}
        self._open |= ends
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._open -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(1 << 16):
                await self._passes.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()
