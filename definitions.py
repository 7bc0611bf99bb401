"""The code location: every asset, check and resource of one lake, composed and nothing else."""

from __future__ import annotations

import dagster as dg

from assay.base.settings import Settings
from assay.orchestration.definitions import build_definitions
from assay.orchestration.patches.forkserver import start_runs_from_a_fork


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that `workspace.yaml` loads."""
    start_runs_from_a_fork()
    return build_definitions(Settings.from_env())
