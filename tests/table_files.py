"""One table as a file of each format that has names of columns."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

Table = Mapping[str, Sequence[Any]]


def csv(table: Table) -> bytes:
    rows = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    return "".join(f"{row}\n" for row in rows).encode()


def jsonl(table: Table) -> bytes:
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def json_document(table: Table) -> bytes:
    return json.dumps([json.loads(line) for line in jsonl(table).splitlines()]).encode()


def parquet(table: Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(dict(table)), sink)
    return sink.getvalue()


def avro(table: Table) -> bytes:
    sink = io.BytesIO()
    fields = [{"name": name, "type": "long"} for name in table]
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    fastavro.writer(sink, schema, [json.loads(line) for line in jsonl(table).splitlines()])
    return sink.getvalue()


def xml(table: Table) -> bytes:
    rows = (zip(table, row, strict=True) for row in zip(*table.values(), strict=True))
    items = ("".join(f"<{name}>{value}</{name}>" for name, value in row) for row in rows)
    return f"<r>{''.join(f'<i>{item}</i>' for item in items)}</r>".encode()


def sheet(table: Table) -> bytes:
    book = openpyxl.Workbook()
    for row in [list(table), *(list(row) for row in zip(*table.values(), strict=True))]:
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


FORMATS = {
    "csv": ({"type": "csv"}, csv),
    "jsonl": ({"type": "jsonl"}, jsonl),
    "json": ({"type": "json"}, json_document),
    "parquet": ({"type": "parquet"}, parquet),
    "avro": ({"type": "avro"}, avro),
    "xml": ({"type": "xml", "records": "/r/i"}, xml),
    "excel": ({"type": "excel"}, sheet),
}
