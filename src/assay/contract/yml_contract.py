"""The keys of a source's contract: `config: meta: contract:` of a bronze model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from assay.contract.change_columns import EPOCH
from assay.contract.contract import Contract, Load, NewColumns
from assay.contract.feed import FOLDER
from assay.contract.file_glob import ARCHIVE
from assay.contract.yml import Expected, Name, Yml
from assay.contract.yml_format import AvroYml, CsvYml, ExcelYml, FixedYml, JsonlYml, JsonYml, ParquetYml, XmlYml


class FileDateYml(Yml):
    """The file with the latest moment in its name wins."""

    file_date: str = Field(description="The name without its folder, as for strptime.", examples=["stock_%Y-%m-%d.csv"])


def _files(glob: str) -> str:
    path = PurePosixPath(glob)
    if path.is_absolute() or ".." in path.parts or len(path.parts) < 2:  # noqa: PLR2004 - a folder and a name
        raise ValueError(f'{glob!r} is not a glob under the landing zone such as "transactions/*.csv"')
    if any("**" in part and part != "**" for part in path.parts) or path.name == "**":
        raise ValueError(f"{glob!r}: `**` stands for folders, alone between two slashes")
    if any(part.startswith((".", "_")) for part in path.parts):
        raise ValueError(f"{glob!r}: names that start with `.` or `_` are left alone")
    _check_archives(glob, path.parts)
    return str(path)


def _check_archives(glob: str, parts: Sequence[str]) -> None:
    ends = [index for index, part in enumerate(parts) if part.endswith(ARCHIVE)]
    if len(ends) > 1:
        raise ValueError(f"{glob!r}: an archive within an archive is not opened; `!/` stands there once")
    if ends in ([0], [len(parts) - 1]) or ARCHIVE in parts:
        raise ValueError(f'{glob!r}: `!` follows an archive in a folder, as in "deliveries/*.zip!/*.csv"')


class _PromisesYml(Yml):
    """What a source promises about its files and rows, wherever the files are."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"load": {"const": "snapshot"}}, "required": ["load"]},
            "then": {"properties": {"newest_by": {"type": "object"}}, "required": ["newest_by"]},
            "else": {"not": {"required": ["max_loss"]}},
        },
    )
    shape = "a bronze model needs `config: meta: contract:`; docs/adding-a-source.md shows one"

    version: Annotated[
        str, Field(pattern=r"^\d+\.\d+\.\d+$"), Expected("{found} is not a semantic version such as 1.0.0")
    ] = Field(description="Semantic version; a breaking change is a major version.")
    owner: Annotated[str, Field(min_length=1), Expected("{found} is not the name of a team")] = Field(
        description="The team that answers for the source."
    )
    format: Annotated[
        CsvYml | FixedYml | ExcelYml | JsonlYml | JsonYml | XmlYml | AvroYml | ParquetYml, Field(discriminator="type")
    ] = Field(description="How the files are written; nothing of it is guessed.")
    load: Load = Field(
        description="`events`: rows of all files add up; `snapshot`: the newest file is the truth; `changes`: each row "
        "is a change of a row of a table, which silver mirrors."
    )
    new_columns: NewColumns = Field(
        description="Columns that are not named here: `rescue` keeps them in `_rescued`, `add` also shows them to "
        "readers as texts, `refuse` refuses the file."
    )
    key: Annotated[Literal["none"] | None, Expected("{found} is not none; a key is a constraint of the model")] = Field(
        default=None, description="`none`: no column tells records apart, and each counts by itself."
    )
    newest_by: (
        Annotated[
            Annotated[Name, Expected("{found} is not a column of the contract"), Tag("<column>")]
            | Annotated[FileDateYml, Tag("<file>")],
            Discriminator(lambda value: "<file>" if isinstance(value, dict) else "<column>"),
        ]
        | None
    ) = Field(default=None, description="The column, or `file_date`, whose greatest value wins among rows of one key.")
    max_loss: Annotated[float, Field(ge=0, le=1), Expected("{found} is not a share from 0 to 1 such as 0.5")] = Field(
        default=Contract.max_loss,
        description="Share of a snapshot's keys that the next one may lack before it is held back.",
    )
    shares_with: (
        Annotated[
            tuple[str, ...],
            Field(strict=False),
            Expected("{found} is not a list of sources such as [products]"),
        ]
        | None
    ) = Field(default=None, description="Other sources whose globs may claim the same files; each loads such a file.")

    history: bool = Field(
        default=False, description="Of `load: changes`: whether a silver table keeps each version of each key."
    )

    @model_validator(mode="after")
    def _changes_fit(self) -> Self:
        if self.load != "changes":
            if self.history:
                raise ValueError(f"history: goes with `load: changes`; files of `load: {self.load}` say no versions")
            return self
        if self.format.type != "parquet":
            raise ValueError(f"load: changes is read from Parquet, and the format is {self.format.type}")
        if self.key:
            raise ValueError("key: none: a change says by its key which row it is of; declare a primary_key")
        if self.newest_by is not None:
            raise ValueError("newest_by: of changes the greatest `_position` is the newest; leave the key out")
        if self.new_columns == "add":
            raise ValueError(
                "new_columns: add: a change may leave out a column that did not change, and one that is not declared "
                "cannot be completed; write rescue or refuse, and declare the column to show it"
            )
        return self

    @model_validator(mode="after")
    def _load_fits(self) -> Self:
        if self.load == "snapshot" and not isinstance(self.newest_by, FileDateYml):
            raise ValueError('load: snapshot needs `newest_by: {file_date: "name_%Y-%m-%d.csv"}`')
        if self.load == "events" and self.key and self.newest_by is not None:
            raise ValueError("newest_by: chooses among rows of one key, and with `key: none` there are no such rows")
        if self.load != "snapshot" and "max_loss" in self.model_fields_set:
            raise ValueError(
                f"max_loss: a file of `load: {self.load}` replaces no other; it goes with `load: snapshot`"
            )
        return self


class ContractYml(_PromisesYml):
    """What a source promises about its files and rows."""

    files: Annotated[
        str,
        Expected('{found} is not a glob under the landing zone such as "transactions/*.csv"'),
        AfterValidator(_files),
    ] = Field(
        description="A glob below the landing zone; `**` stands for any folders, `{column}` for the value of a column, "
        "and `!/` is before members of archives.",
        examples=["sales/*.csv", "sales/region={region}/*.csv", "deliveries/*.zip!/*.csv"],
        json_schema_extra={"pattern": "^[^/]+/"},
    )

    @model_validator(mode="after")
    def _changes_name_their_epoch(self) -> Self:
        is_fed = PurePosixPath(self.files).parts[0] == FOLDER
        if self.load == "changes" and is_fed and f"{{{EPOCH}}}" not in self.files:
            raise ValueError(f"files: {self.files!r}: the folder of the epoch is written {{{EPOCH}}} in changes")
        return self


class FetchedContractYml(_PromisesYml):
    """The contract of a source whose files a feed fetches whole: the feed says which, and where they are."""

    hints: ClassVar[Mapping[str, str]] = {"files": "the feed says it: write `files` there, below its url or folder"}
