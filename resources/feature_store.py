"""Where tables for models are kept: Parquet files below `published/features/`, each switched in one step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import duckdb
import pyarrow.parquet as pq

from assay.base.atomic_write import place
from assay.publish.reader import open_published

MADE_OF = "made_of"
"""Key of the file's metadata under which the snapshot stands."""


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

    def seen(self) -> str:
        """The snapshot that readers see now; ask before `snapshot`, so that a switch in between makes work anew."""
        return (Path(self.published) / "lake.duckdb").resolve().name

    def is_current(self, name: str) -> bool:
        """Whether a table was made of what readers see now."""
        path = self._path(name)
        if not path.exists():
            return False
        query = f"select decode(value) from parquet_kv_metadata(?) where decode(key) = '{MADE_OF}'"
        return duckdb.execute(query, [str(path)]).fetchall() == [(self.seen(),)]

    def write(self, name: str, table: duckdb.DuckDBPyRelation, made_of: str) -> Path:
        """Put a table in the place of the one of that name, complete at once.

        Args:
            name: Of the file, without its ending.
            table: Its rows.
            made_of: The snapshot that they were made of, as `seen` said before.
        """
        path = self._path(name)
        with TemporaryDirectory(prefix="features-") as folder:
            made = Path(folder) / path.name
            rows = table.to_arrow_table()
            pq.write_table(rows.replace_schema_metadata({MADE_OF: made_of}), made, compression="zstd")
            place(path, made, mtime=time.time())
        return path

    def _path(self, name: str) -> Path:
        return Path(self.published) / "features" / f"{name}.parquet"
