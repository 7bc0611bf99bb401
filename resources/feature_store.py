"""Where tables for models are kept: Parquet files below `published/features/`, each switched in one step."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import duckdb

from assay.base.atomic_write import place
from assay.publish.reader import open_published


class FeatureStore(dg.ConfigurableResource[None]):
    """Reads what is published and writes beside it; neither waits for a run nor holds one up.

    Attributes:
        published: The folder that readers open.
    """

    published: str

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees `silver` and `gold` as they are published now.

        Raises:
            dagster.Failure: Nothing is published yet.
        """
        try:
            with open_published(Path(self.published)) as connection:
                yield connection
        except FileNotFoundError as error:
            raise dg.Failure("nothing is published yet; `assay run` publishes", allow_retries=False) from error

    def is_current(self, name: str) -> bool:
        """Whether a table was made of what readers see now."""
        path, seen = self._path(name), Path(self.published) / "lake.duckdb"
        return path.exists() and seen.exists() and path.stat().st_mtime_ns > seen.stat().st_mtime_ns

    def write(self, name: str, table: duckdb.DuckDBPyRelation) -> Path:
        """Put a table in the place of the one of that name, complete at once.

        Args:
            name: Of the file, without its ending.
            table: Its rows.
        """
        path = self._path(name)
        with TemporaryDirectory(prefix="features-") as folder:
            made = Path(folder) / path.name
            table.write_parquet(str(made), compression="zstd")
            place(path, made, mtime=time.time())
        os.utime(path)  # the same rows again are current, too
        return path

    def _path(self, name: str) -> Path:
        return Path(self.published) / "features" / f"{name}.parquet"
