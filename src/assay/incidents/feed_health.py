"""How things stand with a feed, as far as causes of incidents are derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class FeedHealth:
    """A feed.

    Attributes:
        problem: Why its last fetch, or its process, brought nothing; empty when it went well.
        problem_kind: What kind of problem it is.
        failing_since: Since when; None when it went well.
        process: What the services do about its process: `running`, `restarting`, `stopped`, `elsewhere`, `missing`, or
            empty where they do not run feeds.
        deaths: How often in a row its process ended soon after it was started.
        process_since: When that came to be so.
        paused: Why no fetch begins; empty when one may.
        lag_seconds: By how much landing is behind the source; None where that is not known.
        lag_limit: By how much it may be.
        until_loss_seconds: Until the source begins to forget what was not read; None where it does not.
        loss_limit: When somebody has to be told.
        same_at: When all of the source was read last and was as it was.
    """

    problem: str = ""
    problem_kind: Literal["", "passing", "permanent", "position_lost"] = ""
    failing_since: datetime | None = None
    process: str = ""
    deaths: int = 0
    process_since: datetime | None = None
    paused: str = ""
    lag_seconds: float | None = None
    lag_limit: float = 3600.0
    until_loss_seconds: float | None = None
    loss_limit: float = 86400.0
    same_at: datetime | None = None
