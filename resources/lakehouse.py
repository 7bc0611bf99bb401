"""With what the assets work; a resource of your own goes into a file beside this one."""

from __future__ import annotations

from assay.orchestration.lake_resource import lake_resource
from assay.orchestration.lakehouse import Lakehouse


def resources(lake: Lakehouse) -> dict[str, object]:
    """`lake`: the open warehouse, held by one run at a time, from which readers are served when the run ends."""
    return {"lake": lake_resource(lake)}
