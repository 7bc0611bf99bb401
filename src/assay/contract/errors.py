"""The error of a contract that cannot be used."""

from __future__ import annotations

from assay.base.errors import UserError


class ContractError(UserError):
    """A contract says something that Assay cannot honour. The message names the file, the fact and the next step."""
