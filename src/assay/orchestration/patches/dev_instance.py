"""`dagster dev` opens the lake's instance as `assay run` does.

Dagster looks for its configuration by a pattern, and misses that of a lake in a folder such as `data [old]`.
"""

from __future__ import annotations

from assay.base.settings import Settings
from assay.orchestration.instance import open_instance
from assay.orchestration.patches.registry import give_up, switchable


@switchable("dev_instance")
def serve_instance_of(settings: Settings) -> None:
    """Let `DagsterInstance.get` give the lake's instance in this process.

    Args:
        settings: The lake.
    """
    from dagster import DagsterInstance  # noqa: PLC0415 - 1.3 s that only the services should cost

    if not hasattr(DagsterInstance, "get"):
        give_up("dev_instance", "DagsterInstance has no get")
        return
    DagsterInstance.get = staticmethod(lambda: open_instance(settings))  # type: ignore[method-assign]
