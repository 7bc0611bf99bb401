"""What a replication slot keeps is told with when that becomes a problem."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from assay.connectors.postgres.slot import SlotNote, SlotState

AT = datetime(2026, 1, 1, tzinfo=UTC)
GB = 1 << 30
NOTE = SlotNote(1, "assay_orders", "7", 1, 5, "p", True, seen=2 * GB, seen_at=(AT - timedelta(minutes=1)).timestamp())


def state(limit: str = "-1", written: int = 3 * GB, **slot: Any) -> SlotState:
    return SlotState("assay_orders", {"restart_lsn": "0/0", **slot}, written, 1, limit, "shop", AT, 9)


def test_a_slot_without_a_limit_is_a_warning_once_it_keeps_much() -> None:
    assert state(written=GB // 2).shown(NOTE).endswith("keeps 537 MB of the server's log, without a limit")
    assert "nothing keeps it from filling the server's disk: set max_slot_wal_keep_size" in state().shown(NOTE)


def test_a_slot_with_a_limit_says_when_it_is_given_up() -> None:
    near = state("4GB", safe_wal_size=10 * GB)
    assert near.seconds_to_loss(NOTE) == 600  # a gigabyte in the minute since it was noted
    assert "gives it up 10,737 MB from now, in about 0.2 hours" in near.shown(NOTE)
    assert near.seconds_to_loss(None) is None and state().seconds_to_loss(NOTE) is None
    resting = state("4GB", written=2 * GB, safe_wal_size=GB)
    assert resting.seconds_to_loss(NOTE) is None and "gives it up 1,074 MB from now if" in resting.shown(NOTE)


def test_what_the_next_checkpoint_removes_is_told_whatever_the_limit() -> None:
    lost = state("4GB", wal_status="unreserved", safe_wal_size=-5)
    assert lost.is_near_loss and "which the server removes at its next checkpoint" in lost.shown(NOTE)
    assert lost.seconds_to_loss(NOTE) == 0
