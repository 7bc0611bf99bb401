"""The log: with `ASSAY_LOG=json` one JSON object a line on standard error for all that a run does; else nothing.

Lines hold names, counts and times, never data: what stands after the first colon of a message may be a value out of a
file, and is cut (`brief`). The whole message is where it is kept: `assay files --refused`, `assay status`, the UI.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.base.settings import Settings

_LOG = logging.getLogger("assay")
_FIELDS = "assay_fields"


class _Json(logging.Formatter):
    """Formats a record as JSON: `{"time": …, "level": "info", "event": "table", …}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line of JSON."""
        fields: Mapping[str, object] = getattr(record, _FIELDS, {})
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **{name: value for name, value in fields.items() if value is not None},
        }
        return json.dumps(line, default=str)


def configure(settings: Settings) -> None:
    """Turn the log on or off as the settings ask; calling this again changes nothing."""
    if is_on() == (settings.log == "json"):
        return
    for handler in _LOG.handlers[:]:
        _LOG.removeHandler(handler)
    if settings.log == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Json())
        _LOG.addHandler(handler)
        _LOG.setLevel(logging.INFO)
        _LOG.propagate = False  # Dagster's processes have handlers of their own, which would write each line again
        warnings.showwarning = _warn


def is_on() -> bool:
    """Whether lines are written."""
    return bool(_LOG.handlers)


def info(event: str, **fields: object) -> None:
    """Write that something happened."""
    _write(logging.INFO, event, fields)


def warning(message: str, **fields: object) -> None:
    """Write a sentence of ours that somebody should see."""
    _write(logging.WARNING, "warning", {"message": message, **fields})


def error(message: str, **fields: object) -> None:
    """Write a sentence of ours about what went wrong."""
    _write(logging.ERROR, "error", {"message": message, **fields})


def _write(level: int, event: str, fields: Mapping[str, object]) -> None:
    if is_on():
        _LOG.log(level, event, extra={_FIELDS: fields})


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,  # noqa: ARG001 - the signature of `warnings.showwarning`
    line: str | None = None,  # noqa: ARG001 - as above
) -> None:
    """Log one of Python's own warnings without its text after a colon, in which a library may quote anything."""
    warning(f"{category.__name__} at {filename}:{lineno}: {brief(str(message))}")


def brief(message: str, parts: int = 1) -> str:
    """The head of a message, without what may have been quoted from data.

    Args:
        message: Its text up to the first colon is ours, a library's name of an error, or a table's name.
        parts: How many parts between colons are known to be such.
    """
    return " ".join(": ".join(message.split(": ")[:parts]).split())
