"""Makes Python collect cyclic garbage less often.

Dagster and dbt make more than a million objects while they are imported, and keep them all. Python by itself looks for
garbage after each 700 more objects, and once more when it ends: that takes a third of the seconds until a command
begins and more than a second after it is done, and finds nothing.
"""

import gc

from assay.orchestration.patches.registry import switchable

_YOUNG, _MIDDLE, _OLD = 100_000, 50, 50


@switchable("gc_tuning")
def collect_seldom() -> None:
    """Collect a hundred times less often, and leave out all objects that exist already."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


@switchable("gc_tuning")
def leave_uncollected() -> None:
    """Leave out all objects that exist, because the process ends."""
    gc.freeze()
