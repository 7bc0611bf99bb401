"""Feeds that fetch whole files: objects of buckets, and files of servers. Each lands with its own bytes and name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.contract.feed import FOLDER, FeedDeclaration
from assay.contract.file_glob import FileGlob, disk_and_members, file_glob
from assay.contract.path_template import path_template

OBJECTS = "objects"
"""The folder of a feed in which its objects are, by their keys."""
NAME = "{name}"
"""Stands for an object's name in the name of its marker."""


@dataclass(frozen=True, kw_only=True)
class ObjectsFeed(FeedDeclaration):
    """Objects below one place, each of which is a file of the source.

    Attributes:
        files: Which of them, as a glob below that place; with names of columns in braces, as of a contract.
        done: How the marker beside an object is called that says that it is whole, e.g. `{name}.done`; empty for none.
        recent: The folder in which new objects come, as a pattern of strftime in UTC, ending in `/`; empty for any.
    """

    files: str
    done: str = ""
    recent: str = ""

    @property
    def what(self) -> str:
        """The glob."""
        return self.files

    @property
    def landed_files(self) -> str:
        """The glob of its files below the landing zone, as of a contract."""
        return f"{FOLDER}/{self.source}/{OBJECTS}/{self.files}"

    @property
    def landed_glob(self) -> FileGlob:
        """The same without columns and members of archives."""
        return file_glob(disk_and_members(path_template(self.landed_files).glob)[0])

    def completed(self, block: Any) -> dict[str, Any]:
        """See `FeedDeclaration`: all but `files` is said of them as of files that come by themselves."""
        from assay.contract.yml_contract import FetchedContractYml  # noqa: PLC0415 - see assay.contract.yml

        FetchedContractYml.read(block, "contract")
        return {**block, "files": self.landed_files}


@dataclass(frozen=True, kw_only=True)
class BucketFeed(ObjectsFeed):
    """The objects of a bucket below a prefix.

    Attributes:
        url: The bucket and prefix, e.g. `s3://shop/exports`; the scheme says whose it is.
        endpoint: Of a service that is compatible; empty for the cloud's own.
        region: Of S3; empty for the machine's.
        options: Credentials by their names, as references; none for what the machine has.
        is_anonymous: Whether requests are not signed.
    """

    url: str
    endpoint: str = ""
    region: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_anonymous: bool = False

    @property
    def where(self) -> str:
        """The url, and the endpoint of a compatible service."""
        return f"{self.url} at {self.endpoint}" if self.endpoint else self.url

    @property
    def scheme(self) -> str:
        """`s3`, `gs` or `az`."""
        return self.url.partition("://")[0]

    @property
    def bucket(self) -> str:
        """The bucket, or container."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def prefix(self) -> str:
        """With which all keys begin: empty, or ending in `/`."""
        below = self.url.partition("://")[2].partition("/")[2].strip("/")
        return f"{below}/" if below else ""
