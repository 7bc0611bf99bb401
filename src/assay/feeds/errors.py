"""What goes wrong with a feed: what passes by itself, and what somebody has to do something about."""

from __future__ import annotations

from assay.base.errors import UserError


class FeedError(UserError):
    """Nothing was fetched; the message holds no secret."""


class Permanent(FeedError):
    """It stays so until somebody does what the message says."""


class Elsewhere(Permanent):
    """Another process fetches the feed."""


class PositionLost(Permanent):
    """Between what has landed and what the source still has, or in what has landed, a part is missing.

    Nothing goes on by itself: a person puts back what is missing, or begins a new epoch.
    """


class Transient(FeedError):
    """It may be over by itself, as a server that restarts.

    Args:
        message: What is in the way.
        after_seconds: For how long the source asks to be left alone at least, as by `Retry-After`.
    """

    def __init__(self, message: str, after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Restart(Exception):
    """A batch is to be read again from its beginning, in the same transaction of the source: its columns change.

    Args:
        why: What is in the way, without values.
        column: The number of the column that it is about; None where that is not known.
    """

    def __init__(self, why: str = "", column: int | None = None) -> None:
        super().__init__(why)
        self.column = column
