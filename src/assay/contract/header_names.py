"""Names in headers that stand for columns without regard to case and blanks: `names: loose` of a format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from assay.contract.contract import Contract
from assay.contract.errors import ContractError

_BETWEEN = re.compile(r"[\s_-]+")


def folded(name: str) -> str:
    """A name without case, and without blanks around it; blanks, hyphens and underscores within it are all one."""
    return unicodedata.normalize("NFC", _BETWEEN.sub("_", unicodedata.normalize("NFC", name).casefold()).strip("_"))


def check_names(contract: Contract) -> None:
    """Refuse names of two columns that are one without regard to case and blanks.

    Raises:
        ContractError: There are two.
    """
    if contract.format.names != "loose":
        return
    if not contract.format.header:
        raise ContractError("format: names: files without a header have no names of columns")
    seen: dict[str, str] = {}
    for name, column in _declared(contract):
        other = seen.setdefault(folded(name), column)
        if other != column:
            raise ContractError(
                f"format: names: loose takes {name!r} of column {column} for a name of column {other}; "
                "call one of them otherwise, or say `names: exact`"
            )


def as_declared(contract: Contract, header: Iterable[str]) -> list[str]:
    """The names of a header, those that the contract knows as it writes them.

    Args:
        contract: Its whole contract, with the columns that the path says.
        header: The names as they stand in the file.
    """
    names = _known(contract)
    return [names.get(folded(name), name) for name in header] if names else list(header)


def loose_names(contract: Contract, seen: Iterable[str]) -> Mapping[str, list[str]]:
    """Of names in headers that the contract does not write itself, those that stand for each column.

    Args:
        contract: The contract; of one whose names are exact there are none.
        seen: The names.
    """
    known, declared = _known(contract), dict(_declared(contract))
    if not known:
        return {}
    loose: dict[str, list[str]] = {}
    for name in seen:
        if name not in declared and folded(name) in known:
            loose.setdefault(declared[known[folded(name)]], []).append(name)
    return loose


def _known(contract: Contract) -> Mapping[str, str]:
    """The names that the contract writes, by what they are without case and blanks; its own before other ones."""
    if contract.format.names != "loose":
        return {}
    return {folded(name): name for name, _ in reversed(_declared(contract))}


def _declared(contract: Contract) -> list[tuple[str, str]]:
    """(name, column) of all columns, then of all other names."""
    own = [(name, name) for name in contract.names]
    return own + [(other, name) for name, others in contract.format.aliases for other in others]
