"""Text files, byte by byte: what arrived, how many records it holds, and each record with its line.

Belongs here: reading CSV and JSON lines as bytes, with no more than decompressors beside plain Python, so that what
DuckDB reads can be held against something else. Keep out: DuckDB, contracts beyond `Format`, types of values.

`scan` is one fast pass that hashes, verifies and counts; `split` is the careful definition of a record;
`write_clean` makes a file of what is good and a file of what is not.
"""

from assay.text.compression import Compression, content
from assay.text.dialects import fields
from assay.text.json_records import FirstObject, first_object
from assay.text.misfit import LEAST, Misfit, refuse_misfit
from assay.text.record import MAX_JSON_LINE, MAX_RECORD, Record
from assay.text.room import NoRoom, Room
from assay.text.scanning import Scan, scan
from assay.text.splitting import JSON_SEPARATOR, Counts, raws_at, split, write_clean
from assay.text.stream import Unreadable

__all__ = [
    "JSON_SEPARATOR",
    "LEAST",
    "MAX_JSON_LINE",
    "MAX_RECORD",
    "Compression",
    "Counts",
    "FirstObject",
    "Misfit",
    "NoRoom",
    "Record",
    "Room",
    "Scan",
    "Unreadable",
    "content",
    "fields",
    "first_object",
    "raws_at",
    "refuse_misfit",
    "scan",
    "split",
    "write_clean",
]
