"""How often Python looks for garbage that holds itself.

Dagster and dbt make more than a million objects while they are imported, and keep them all. Python by itself looks for
garbage after each 700 more objects, and once more when it ends: that takes a third of the seconds until a command
begins and more than a second after it is done, and finds nothing.
"""

import gc

from assay.orchestration.patches.registry import switchable

_YOUNG, _MIDDLE, _OLD = 100_000, 50, 50


@switchable("gc_tuning")
def collect_seldom() -> None:
    """Look a hundred times as seldom, and no more among the objects that are there already."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


@switchable("gc_tuning")
def leave_uncollected() -> None:
    """Look among no object that is there: the process ends."""
    gc.freeze()
