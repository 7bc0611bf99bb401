"""A receiver of messages on loopback: it takes what is posted, refuses it, or never answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Mailbox:
    """What came, and how the receiver behaves.

    Attributes:
        port: On 127.0.0.1.
        status: What it answers.
        hang: While set, it answers nothing.
        came: (title, body) of each message that was taken, in order.
        tries: How often something was posted.
    """

    port: int = 0
    status: int = 200
    hang: threading.Event = field(default_factory=threading.Event)
    came: list[tuple[str, str]] = field(default_factory=list)
    tries: int = 0

    @property
    def url(self) -> str:
        """As Apprise writes it."""
        return f"json://127.0.0.1:{self.port}/hook-with-a-secret"

    @property
    def titles(self) -> list[str]:
        """Of all messages that were taken."""
        return [title for title, _ in self.came]

    def wait_for(self, number: int, seconds: float = 30.0) -> None:
        """Wait until so many messages were taken."""
        deadline = time.monotonic() + seconds
        while len(self.came) < number:
            assert time.monotonic() < deadline, f"{len(self.came)} of {number} messages came"
            time.sleep(0.02)


@contextmanager
def listening(mailbox: Mailbox | None = None) -> Iterator[Mailbox]:
    """Listen for as long as the block lasts; given a mailbox, on its port again."""
    box = mailbox or Mailbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box.tries += 1
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            while box.hang.is_set():
                time.sleep(0.02)
            if box.status == 200:
                box.came.append((payload["title"], payload["message"]))
            self.send_response(box.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", box.port), Handler)
    server.daemon_threads = True
    box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.hang.clear()
        server.shutdown()
        server.server_close()
