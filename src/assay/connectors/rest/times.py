"""Times of windows: how a request writes them, and how a record does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from assay.connectors.rest.document import Number
from assay.contract.feed_kinds.rest import Window

_SECOND, _MINUTE, _HOUR, _DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
_PARTS = ((("%S", "%s", "%T", "%X", "%c"), _SECOND), (("%M", "%R"), _MINUTE), (("%H", "%I"), _HOUR))
_MILLISECONDS = 10_000_000_000
"""A number from here on is of milliseconds: seconds come to it in the year 2286."""

_DATE = 8
"""Digits of a date without marks, which is no number of seconds."""


def step_of(form: str) -> timedelta:
    """The finest difference that a format writes."""
    if form == "date":
        return _DAY
    if "%" not in form:
        return _SECOND
    return next((step for parts, step in _PARTS if any(part in form for part in parts)), _DAY)


def written(moment: datetime, form: str) -> str:
    """A moment as a parameter has it."""
    moment = moment.astimezone(UTC)
    match form:
        case "iso":
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case "unix":
            return str(int(moment.timestamp()))
        case "unix_ms":
            return str(int(moment.timestamp()) * 1000)
        case "date":
            return moment.strftime("%Y-%m-%d")
    return moment.strftime(form)


def asked(window: Window, start: datetime, end: datetime, *, is_first: bool) -> tuple[datetime, datetime]:
    """From when until when is asked, so that nothing between two positions is left out however times are written.

    Args:
        window: As it is declared.
        start: The position from which on.
        end: The position until which.
        is_first: Whether nothing is before it.
    """
    step = step_of(window.format)
    begin = start if is_first else start - window.lag
    return _floor(begin, step), -(-(end - _EPOCH) // step) * step + _EPOCH


def parsed(value: Any) -> datetime | None:
    """The moment that stands in a record, in UTC; one without a zone is taken as UTC. None where it is none."""
    try:
        if isinstance(value, Number) or (isinstance(value, str) and value.isdigit() and len(value) > _DATE):
            seconds = float(value)
            return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS else seconds, UTC)
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _floor(moment: datetime, step: timedelta) -> datetime:
    return (moment - _EPOCH) // step * step + _EPOCH
