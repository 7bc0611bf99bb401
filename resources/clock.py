"""What time it is, in one place, so that a simulation can let a quarter pass in minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _wall() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _wall


def now() -> datetime:
    """The time, in UTC."""
    return _source()


@contextmanager
def told_by(source: Callable[[], datetime]) -> Iterator[None]:
    """Within the block, all of this process takes the time from somewhere else.

    Args:
        source: Gives the time, in UTC.
    """
    global _source  # noqa: PLW0603 - the one clock
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
