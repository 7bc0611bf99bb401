"""What people do about an incident: take it, give it to somebody, close it by hand, open it again.

Each of these is kept with who and when, and what stands is worked out from all of them. None of them makes a cause go
away: an incident that is resolved while its cause is still seen is quiet, and is open again as soon as the words of its
problem change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

What = Literal["acknowledged", "assigned", "resolved", "reopened"]
ACTIONS: tuple[What, ...] = get_args(What)
ENGINE = "assay"
"""Who reopens an incident whose problem has changed since it was resolved."""


@dataclass(frozen=True)
class Action:
    """Something that was done.

    Attributes:
        what: One of `ACTIONS`.
        by: Who did it.
        at: When.
        to: To whom it was given, where it was assigned.
        because: Why, as far as it was told.
        problem: The words of the problem at that time.
    """

    what: What
    by: str
    at: datetime
    to: str = ""
    because: str = ""
    problem: str = ""

    @property
    def sentence(self) -> str:
        """`resolved by ann: the file was sent again`."""
        to = f" to {self.to}" if self.to else ""
        because = f": {self.because}" if self.because else ""
        return f"{self.what}{to} by {self.by}{because}"


@dataclass(frozen=True)
class Handling:
    """What stands of all that was done.

    Attributes:
        acknowledged_by: Who has taken it; empty for nobody.
        acknowledged_at: When it was taken last.
        assigned_to: Whose it is; empty for nobody.
        resolved_by: Who closed it by hand; empty while it is open.
        resolved_at: When.
        resolved_problem: The words of the problem at that time.
        actions: All that was done, the oldest first.
    """

    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    assigned_to: str = ""
    resolved_by: str = ""
    resolved_at: datetime | None = None
    resolved_problem: str = ""
    actions: tuple[Action, ...] = ()

    @property
    def is_resolved(self) -> bool:
        """Whether somebody closed it by hand."""
        return bool(self.resolved_by)

    @property
    def owner(self) -> str:
        """Who has it: to whom it was assigned last, or who took it; empty for nobody."""
        return self.assigned_to or self.acknowledged_by


NOTHING_DONE = Handling()


def handling_of(actions: Iterable[Action]) -> Handling:
    """What stands after some actions, the oldest first."""
    stands = Handling()
    for action in actions:
        if action.what == "acknowledged":
            stands = replace(stands, acknowledged_by=action.by, acknowledged_at=action.at, assigned_to="")
        elif action.what == "assigned":
            stands = replace(stands, assigned_to=action.to)
        elif action.what == "resolved":
            stands = replace(stands, resolved_by=action.by, resolved_at=action.at, resolved_problem=action.problem)
        else:  # whoever had it may not be there any more
            stands = Handling(actions=stands.actions)
        stands = replace(stands, actions=(*stands.actions, action))
    return stands
