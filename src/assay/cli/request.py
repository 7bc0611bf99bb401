"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """What a run is asked to do; by default, all that has work.

    Attributes:
        select: Tables, or a Dagster asset selection; empty for all that has work.
        full_refresh: Tables to rebuild from nothing.
        has_full_checks: Whether to look at every row again, whatever earlier results stand for.
    """

    select: str = ""
    full_refresh: Sequence[str] = ()
    has_full_checks: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether what there is to do decides what is run."""
        return not (self.select or self.full_refresh or self.has_full_checks)
