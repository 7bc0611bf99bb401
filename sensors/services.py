"""When something runs by itself; a sensor or schedule of your own goes into a file beside this one."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assay.orchestration.arrivals_sensor import arrivals_sensor
from assay.orchestration.freshness_sensor import freshness_sensor
from assay.orchestration.incidents_sensor import incidents_sensor
from assay.orchestration.lakehouse import Lakehouse


def services(lake: Lakehouse) -> Sequence[dg.SensorDefinition]:
    """Load what arrives, rebuild what is about to be stale, and tell what is wrong."""
    return [arrivals_sensor(lake), freshness_sensor(lake), incidents_sensor(lake)]
