"""How some files are written, or that no contract can say it."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.base.errors import UserError
from assay.contract.format import Format


class Undescribable(UserError):
    """No contract of today can say how the files are written."""


@dataclass(frozen=True)
class Kind:
    """How some files are written.

    Attributes:
        form: The format that a contract would state.
        unsure: What may be otherwise, in sentences.
    """

    form: Format
    unsure: list[str] = field(default_factory=list)
