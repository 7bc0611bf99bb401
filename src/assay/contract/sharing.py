"""Checks that each file below the landing zone has at most one source: globs that overlap undeclared are refused."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.file_glob import NEVER_CLAIMED, UNFINISHED
from assay.contract.glob_overlap import shared_path
from assay.contract.names import TableName


def check_sharing(contracts: Mapping[str, Contract], places: Mapping[str, str]) -> None:
    """Check the globs of all sources for undeclared overlaps.

    Args:
        contracts: All of the project, by source.
        places: Where each model is described, for messages.

    Raises:
        ContractError: A glob can claim no file, `shares_with` names a source that does not exist, or two sources claim
            one path and neither says that they share files.
    """
    for contract in contracts.values():
        _check_alone(contract, contracts, _place(contract, places))
    for one, other in combinations(contracts.values(), 2):
        if other.source in one.shares_with or one.source in other.shares_with:
            continue
        path = shared_path(one.files, other.files)
        if path is not None:
            raise ContractError(
                f"{_place(one, places)} and {_place(other, places)}: files: {one.files!r} and {other.files!r} both "
                f"claim {path!r}, whose records would be loaded twice; make the globs differ, or say "
                f"`shares_with: [{other.source}]` in {_place(one, places)} if both are to load it"
            )


def _place(contract: Contract, places: Mapping[str, str]) -> str:
    return places[TableName.of_source(contract.source).model]


def _check_alone(contract: Contract, contracts: Mapping[str, Contract], where: str) -> None:
    if shared_path(contract.files, contract.files) is None:
        raise ContractError(
            f"{where}: files: {contract.files!r} can claim no file: names that begin with {' or '.join(NEVER_CLAIMED)} "
            f"or end in {', '.join(UNFINISHED)} are left alone"
        )
    others = sorted(set(contracts) - {contract.source})
    for name in contract.shares_with:
        if name not in others:
            raise ContractError(f"{where}: shares_with: {name!r} is not another source; there are {', '.join(others)}")
