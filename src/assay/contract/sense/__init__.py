"""What must be true of gold tables because of what they mean: Pandera models, written by hand, run inside DuckDB.

Belongs here: a module for each gold model, called like it, with one `Sense`. A rule is a method that gives the rows
that break it; its docstring says why it must hold. Keep out: rules that look at one row alone, which stand in the yml.
"""

from functools import cache
from pathlib import Path


@cache
def models_with_sense() -> frozenset[str]:
    """The models that have rules here; Pandera is imported only when they are asked."""
    return frozenset(path.stem for path in Path(__file__).parent.glob("gold_*.py"))
