"""Drops observations of long ago out of Dagster's SQLite storage, which keeps events without a run for ever.

Dagster drops the events of a run with it, and has nothing for events of none.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assay.contract.feed import FOLDER
from assay.orchestration.patches.registry import switchable

if TYPE_CHECKING:
    from dagster import DagsterInstance

_OBSERVED = (
    "select distinct asset_key from event_logs where asset_key like :keys "
    "and dagster_event_type = 'ASSET_OBSERVATION' and timestamp < :before"
)
_DROP = (
    "delete from event_logs where asset_key = :key and dagster_event_type = 'ASSET_OBSERVATION' "
    "and timestamp < :before and (:is_gone or id < (select max(id) from event_logs where asset_key = :key))"
)
_LEFT = "select count(*) from event_logs where asset_key = :key"


@switchable("old_observations")
def drop_observations(instance: DagsterInstance, feeds: Collection[str], before: datetime) -> None:
    """Drop observations of feeds from before a time.

    The newest of each feed stays; of one that is not declared any more none does, and its asset goes with the last.

    Args:
        instance: The lake's, which keeps events of no run in two databases of SQLite.
        feeds: That are declared.
        before: The time.
    """
    from dagster import AssetKey  # noqa: PLC0415 - see registry
    from sqlalchemy import text  # noqa: PLC0415 - Dagster imports it

    storage: Any = instance.event_log_storage
    moment = before.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    keys = f"{json.dumps([FOLDER])[:-1]}, %"
    with storage.index_connection() as index:
        observed = [key for (key,) in index.execute(text(_OBSERVED), {"keys": keys, "before": moment}).fetchall()]
    if not observed:  # a look alone would make the database of events without a run
        return
    declared = {AssetKey([FOLDER, feed]).to_string() for feed in feeds}
    gone = []
    for connected in (storage.run_connection(""), storage.index_connection()):
        with connected as connection:
            for key in observed:
                values = {"key": key, "before": moment, "is_gone": key not in declared}
                connection.execute(text(_DROP), values)
            gone = [
                key
                for key in observed
                if key not in declared and not connection.execute(text(_LEFT), {"key": key}).scalar()
            ]
    for key in gone:
        asset = AssetKey.from_db_string(key)
        if asset is not None:
            storage.wipe_asset(asset)
