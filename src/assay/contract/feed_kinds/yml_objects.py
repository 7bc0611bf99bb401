"""The keys that feeds of whole files share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from assay.contract.feed_kinds.objects import NAME
from assay.contract.yml import Expected
from assay.contract.yml_feed import FeedYml


def _below(glob: str) -> str:
    if glob.startswith("/") or "//" in glob or ".." in glob.split("/") or not glob.rpartition("/")[2]:
        raise ValueError(f'{glob!r} is not a glob below the url or folder, such as "sales/*.csv"')
    return glob


def _marker(name: str) -> str:
    if name.count(NAME) != 1 or name == NAME or "/" in name:
        raise ValueError(f"{name!r} is not the name of a marker beside a file, such as '{NAME}.done'")
    return name


class ObjectsFeedYml(FeedYml):
    """A feed of whole files."""

    files: Annotated[
        str, Expected('{found} is not a glob below the url or folder, such as "sales/*.csv"'), AfterValidator(_below)
    ] = Field(
        description="Which files, as a glob below the url or folder; as `files` of a contract, with `**`, `{column}` "
        "and `!/`.",
        examples=["sales/*.csv", "region={region}/**/*.parquet"],
    )
    done: Annotated[str, AfterValidator(_marker)] | None = Field(
        default=None,
        description="The name of an empty file beside each that says that it is whole; it waits for that.",
        examples=["{name}.done"],
    )
