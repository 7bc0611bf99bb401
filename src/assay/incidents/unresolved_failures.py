"""Finds the failed runs that no later run has resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.contract.catalog import Catalog
from assay.contract.names import LAYERS, TableName
from assay.triggers.backoff import Tried

PUBLISHED = "published/lake"
"""The asset that readers open."""
_OF_LAKE = (*LAYERS, "landing", "published")


@dataclass(frozen=True)
class UnresolvedFailure:
    """A failed run that no later run has resolved.

    Attributes:
        run: The latest failed run.
        in_a_row: How many failed since a good run of the same assets.
    """

    run: Tried
    in_a_row: int


def unresolved_failures(runs: Sequence[Tried], everything: frozenset[str]) -> Iterator[UnresolvedFailure]:
    """The failed runs of which some assets were not made since, newest first.

    Args:
        runs: Newest first.
        everything: The assets that there are now.
    """
    made: set[str] = set()
    ended = [run for run in runs if run.state != "running" and not run.is_stopped]
    for number, run in enumerate(ended):
        planned = _planned(run, everything)
        covers = frozenset(key for key in planned if _subject(key) not in run.done) or planned  # what it did not do
        if run.state == "failed" and covers - made:
            yield UnresolvedFailure(run, _in_a_row(ended[number:], covers))
        if run.covers is None:
            return
        made |= planned


def _planned(run: Tried, everything: frozenset[str]) -> frozenset[str]:
    """The assets of a run that are there now; those of the project's own are taken to be."""
    if run.covers is None:
        return everything
    return frozenset(key for key in run.covers if key in everything or key.partition("/")[0] not in _OF_LAKE)


def _subject(asset: str) -> str:
    """The source or table that an asset stands for in the record of runs."""
    layer, _, entity = asset.partition("/")
    if layer == "landing":
        return entity
    return TableName(layer, entity).subject if layer in LAYERS else asset.replace("/", ".")


def _in_a_row(runs: Sequence[Tried], covers: frozenset[str]) -> int:
    failures = 0
    for run in runs:
        if run.state == "good" and (run.covers is None or covers <= run.covers):
            break
        failures += run.state == "failed" and (run.covers is None or bool(run.covers & covers))
    return failures


def all_assets(catalog: Catalog) -> frozenset[str]:
    """Every asset of a lake, as runs name what they cover."""
    landed = (f"landing/{source}" for source in catalog.contracts)
    tables = (TableName.of_model(model).asset_path for model in catalog.models)
    return frozenset([PUBLISHED, *landed, *tables])
