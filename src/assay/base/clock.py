"""The engine's clock, which a simulation can replace to let a quarter pass in minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _wall() -> datetime:
    return datetime.now(UTC)


def _as_stored(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


_source: Callable[[], datetime] = _wall
_of_file: Callable[[int], datetime] = _as_stored


def now() -> datetime:
    """The time, in UTC."""
    return _source()


def of_file(nanoseconds: int) -> datetime:
    """A time that the file system wrote, in nanoseconds since 1970, by this clock."""
    return _of_file(nanoseconds)


@contextmanager
def told_by(source: Callable[[], datetime], of_file: Callable[[int], datetime] = _as_stored) -> Iterator[None]:
    """Replace the clock of this process within the block.

    Args:
        source: Gives the time, in UTC.
        of_file: Turns a time that the file system wrote, in nanoseconds since 1970, into one of that clock.
    """
    global _source, _of_file
    before = _source, _of_file
    _source, _of_file = source, of_file
    try:
        yield
    finally:
        _source, _of_file = before
