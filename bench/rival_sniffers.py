"""Delimiter and header of CSV files by DuckDB's sniffer and by clevercsv, as JSON; runs in the rivals' environment."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import clevercsv
import duckdb
from clevercsv.encoding import get_encoding

Answer = tuple[str, bool] | None


def by_duckdb(path: str) -> Answer:
    """DuckDB's sniffer over all rows; None where it raises."""
    query = "select Delimiter, HasHeader from sniff_csv(?, sample_size = -1)"
    try:
        rows = duckdb.execute(query, [path]).fetchall()
    except duckdb.Error:
        return None
    return str(rows[0][0]), bool(rows[0][1])


def by_clevercsv(path: str) -> Answer:
    """clevercsv with its own guess of the encoding, over all of the file; None where it finds no dialect."""
    try:
        with Path(path).open(newline="", encoding=get_encoding(path)) as file:
            text = file.read()
        dialect = clevercsv.Sniffer().sniff(text)
        return (dialect.delimiter, clevercsv.Sniffer().has_header(text)) if dialect else None
    except (clevercsv.Error, UnicodeError, LookupError, clevercsv.exceptions.NoDetectionResult):
        return None


def main() -> None:
    """Ask both about each file, one after the other."""
    rivals: dict[str, Callable[[str], Answer]] = {
        "DuckDB's sniffer, over all rows": by_duckdb,
        "clevercsv 0.8.3": by_clevercsv,
    }
    answers = {}
    for name, ask in rivals.items():
        began = time.perf_counter()
        replies = [ask(path) for path in sys.argv[1:]]
        answers[name] = (time.perf_counter() - began, replies)
    print(json.dumps(answers))  # noqa: T201


if __name__ == "__main__":
    main()
