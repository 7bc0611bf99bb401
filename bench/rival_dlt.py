"""Load the mixed file by dlt, the fastest way that it has: Arrow tables into DuckDB. Run by a Python that has dlt."""

import sys

import dlt
import pyarrow as pa
from pyarrow import csv

TYPES = {
    "id": pa.int64(),
    "name": pa.string(),
    "at": pa.timestamp("us"),
    "day": pa.date32(),
    "price": pa.decimal128(12, 2),
    "quantity": pa.int32(),
    "share": pa.float64(),
    "is_new": pa.bool_(),
    "city": pa.string(),
    "note": pa.string(),
}


@dlt.resource(name="mixed", write_disposition="append")
def mixed(path):
    """The file as Arrow tables of 16 MB of text."""
    options = csv.ConvertOptions(column_types=TYPES), csv.ReadOptions(block_size=16 << 20)
    with csv.open_csv(path, convert_options=options[0], read_options=options[1]) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


path, folder = sys.argv[1:]
warehouse = dlt.destinations.duckdb(f"{folder}/dlt.duckdb")
dlt.pipeline("mixed", destination=warehouse, dataset_name="bronze", pipelines_dir=folder).run(mixed(path))
