"""A table of PostgreSQL by what others have: to a file by DuckDB's postgres_scanner, to gold by dlt with connectorx.

Run by a Python that has both; arguments: what to do, the url, a folder.
"""

import sys
from pathlib import Path

import duckdb

GOLD = "select day, count(*) as orders, sum(amount) as amount_usd from {} group by day order by day"


def scanner(url, folder):
    """Bare postgres_scanner into Parquet, with the compression that Assay uses."""
    with duckdb.connect() as connection:
        connection.execute(f"load '{_extension()}'")
        connection.execute(f"attach '{url}' as shop (type postgres, read_only)")
        connection.execute(f"copy (from shop.shop.orders) to '{folder}/orders.parquet' (compression zstd)")


def _extension():
    """The extension's file, from its wheel."""
    import duckdb_extension_postgres_scanner as wheel  # noqa: PLC0415 - only here

    return next(Path(wheel.__path__[0]).rglob("*.duckdb_extension"))


def rival(url, folder):
    """dlt into DuckDB by connectorx, and gold by SQL."""
    import dlt  # noqa: PLC0415 - only here
    from dlt.sources.sql_database import sql_table  # noqa: PLC0415

    table = sql_table(credentials=url, schema="shop", table="orders", backend="connectorx", reflection_level="full")
    warehouse = dlt.destinations.duckdb(f"{folder}/dlt.duckdb")
    dlt.pipeline("shop", destination=warehouse, dataset_name="bronze", pipelines_dir=folder).run(
        table, write_disposition="replace"
    )
    with duckdb.connect(f"{folder}/dlt.duckdb") as connection:
        connection.execute(f"create or replace table gold as {GOLD.format('bronze.orders')}")


what, *arguments = sys.argv[1:]
{"scanner": scanner, "dlt": rival}[what](*arguments)
