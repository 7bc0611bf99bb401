"""The keys that all kinds of feeds share, secrets in them, and what is left to say in the contract of a fed source."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from assay.base.sizes import parse_size
from assay.contract.contract import Contract, NewColumns
from assay.contract.feed import FOLD_BELOW, FOLD_FROM, LAG_LIMIT, LOSS_LIMIT, FeedDeclaration
from assay.contract.yml import Expected, Yml

REFERENCE = re.compile(r"\$\{(\w+):([^{}]+)\}")
"""A secret that a yml refers to: `${place:name}`."""
PLACES = {"env": "NAME", "file": "/path", "vault": "path#key", "aws": "name#key"}
"""Where secrets may be, and how each is named there; of `aws` the key may be left out."""
LARGEST_FOLDED = 64_000_000
"""Bytes of a batch that may be folded: it is in memory as a whole while it is."""
_PASSWORDS = (
    re.compile(r"://[^/@?#]*:(?P<value>[^@/?#]*)@"),
    re.compile(r"(?:^|[\s?&])(?:password|sslpassword)\s*=\s*(?P<value>[^\s&]*)", re.IGNORECASE),
)


def _bytes(value: object) -> object:
    size = parse_size(value) if isinstance(value, str) else None
    return value if size is None else size


def checked_references(text: str) -> str:
    """A text whose references are such, and which holds no password in clear.

    Raises:
        ValueError: They are not, or it does.
    """
    forms = " or ".join(f"${{{place}:{name}}}" for place, name in PLACES.items())
    for place, name in REFERENCE.findall(text):
        if place not in PLACES:
            raise ValueError(f"${{{place}:…}} is not a place of secrets that is known; write {forms}")
        if place == "vault" and not all(name.partition("#")):
            raise ValueError(f"${{vault:{name}}} names no key; write ${{vault:path#key}}")
    if "${" in REFERENCE.sub("", text):
        raise ValueError(f"a reference is written {forms}")
    literal = REFERENCE.sub("\0", text)
    if any(match["value"].strip("\0") for pattern in _PASSWORDS for match in pattern.finditer(literal)):
        raise ValueError("holds a password; keep it in the environment or a file, and write ${env:NAME} in its place")
    return text


def checked_secret(text: str) -> str:
    """A text that is a secret as a whole, and so a reference.

    Raises:
        ValueError: It stands there in clear, which the message does not repeat.
    """
    if not REFERENCE.fullmatch(text):
        raise ValueError("is a secret; keep it in the environment or a file, and write ${env:NAME} in its place")
    return checked_references(text)


class NearestYml(Yml):
    """Keys of which an unknown one is refused with the one that is probably meant."""

    @model_validator(mode="before")
    @classmethod
    def _names_the_nearest(cls, value: object) -> object:
        """Refuse unknown keys."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        unknown = [str(key) for key in value if key not in known] if isinstance(value, Mapping) else []
        if unknown:
            near = get_close_matches(unknown[0], known, n=1, cutoff=0.5)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"unknown key {unknown[0]!r}{meant}; known are {', '.join(known)}")
        return value


class FeedYml(NearestYml):
    """From where a source is fetched, and how; each kind has its own keys, and `kind`, which is its `source_kind`."""

    every: Annotated[float, Field(ge=0.1, strict=False)] = Field(
        default=60.0, description="Seconds between two fetches of `assay feed run`."
    )

    lag_limit: Annotated[float, Field(gt=0, strict=False)] = Field(
        default=LAG_LIMIT, description="Seconds by which landing may be behind the source before its owner is told."
    )
    loss_limit: Annotated[float, Field(ge=0, strict=False)] = Field(
        default=LOSS_LIMIT,
        description="Seconds before the source begins to forget what was not read at which its owner is told.",
    )

    @property
    def shared(self) -> dict[str, Any]:
        """What a feed of every kind is told by these keys."""
        return {"lag_limit": self.lag_limit, "loss_limit": self.loss_limit}

    @abstractmethod
    def declaration(self, source: str) -> FeedDeclaration:
        """The feed of a source.

        Raises:
            ContractError: A key contradicts another.
        """


class BatchFeedYml(FeedYml):
    """A feed whose files are batches of its own making, which are folded once they are loaded."""

    fold: bool = Field(default=True, description="Whether small batches that are loaded are folded into archives.")
    fold_from: Annotated[int, Field(ge=2), Expected("{key} is a whole number, at least 2, not {found}")] = Field(
        default=FOLD_FROM, description="How many of them are folded together, at least."
    )
    fold_below: Annotated[
        int,
        BeforeValidator(_bytes),
        Field(ge=1, le=LARGEST_FOLDED),
        Expected("{key} is a size such as 8 MB, at most 64 MB, not {found}"),
        WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]"}]}),
    ] = Field(default=FOLD_BELOW, description="The size of a batch from which on it is not small.")

    @property
    def shared(self) -> dict[str, Any]:
        """See `FeedYml`."""
        folded = {"fold_from": self.fold_from if self.fold else 0, "fold_below": self.fold_below}
        return {**super().shared, **folded}


class FedContractYml(Yml):
    """The contract of a source that a feed fetches; where its files are and how they are written, the feed says."""

    hints: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("files", "format", "load", "newest_by"), "the feed says it: leave the key out"
    )

    version: str = Field(description="Semantic version; a breaking change is a major version.")
    owner: str = Field(description="The team that answers for the source.")
    new_columns: NewColumns = Field(description="Columns of the table that are not named here, as of files.")
    key: Literal["none"] | None = Field(
        default=None, description="`none`: no column tells rows apart; of a whole table alone."
    )
    max_loss: Annotated[float, Field(strict=False)] = Field(
        default=Contract.max_loss, description="Of a whole table: the share of keys that the next one may lack."
    )
