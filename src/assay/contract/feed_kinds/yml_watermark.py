"""The keys of a watermark, of whichever database."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from assay.contract.yml import Expected, Name
from assay.contract.yml_feed import BatchFeedYml

KEYS = ("cursor", "cursor_zone", "margin", "compare_keys")
"""Keys that go with `mode: watermark` alone."""
_SPAN = re.compile(r"(?P<count>[1-9]\d*) ?(?P<unit>minute|hour|day|week)s?")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def checked_span(text: str) -> str:
    """A text that is a span.

    Raises:
        ValueError: It is none.
    """
    if not _SPAN.fullmatch(text):
        raise ValueError(f"{text!r} is not a span such as `6 hours` or `1 day`")
    return text


def span_seconds(text: str) -> int:
    """The seconds of a span such as `1 day`; 0 of anything else."""
    span = _SPAN.fullmatch(text)
    return int(span["count"]) * _SECONDS[span["unit"]] if span else 0


class WatermarkYml(BatchFeedYml):
    """What a feed says that may read by watermark."""

    cursor: Name | None = Field(
        default=None, description="Of `watermark`: the column that each insert and update sets to the time or a number."
    )
    margin: Annotated[float, Field(ge=0.1, strict=False)] = Field(
        default=1.0, description="Of `watermark`: seconds by which clocks of writers may be behind, or values cut."
    )
    compare_keys: Annotated[
        str, Expected("{key} is a span such as 1 day, not {found}"), AfterValidator(checked_span)
    ] = Field(
        default="",
        description="Of `watermark`: how often the keys of the source are held against silver, which shows what was "
        "deleted there; never when left out.",
        examples=["1 day"],
    )
