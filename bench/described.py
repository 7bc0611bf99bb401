"""What `source new` makes of generated tables, and of the same files DuckDB's sniffer and clevercsv."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from report import PROJECT, Figures

from assay.describing.file_kind import kind_of
from assay.describing.kinds import Undescribable
from tests.generated_files import table_of
from tests.judged_tables import Judged, judged

_PROCESSES = 2
_OF_DIALECT = ("delimiter", "header", "encoding")


def tables(folder: Path, count: int, rival_python: Path) -> list[Figures]:
    """The report on the tables of the first seeds, and the sniffers beside it.

    Args:
        folder: For files that are thrown away.
        count: How many tables.
        rival_python: A Python that has what `bench/requirements.txt` names.
    """
    with ProcessPoolExecutor(_PROCESSES) as pool:
        results = list(pool.map(_judged, range(count)))
    for seed, result in enumerate(results):
        for why in result.why:
            print(f"seed {seed}: {why}"[:400], flush=True)  # noqa: T201
    return [_report(results), _sniffers(folder, count, rival_python)]


def _judged(seed: int) -> Judged:
    with tempfile.TemporaryDirectory(prefix="assay-described-") as folder:
        return judged(seed, Path(folder))


def _report(results: Sequence[Judged]) -> Figures:
    figures = Figures(
        f"A contract for each of {len(results)} generated tables", ("right", "told", "silent", "right, %")
    )
    asked = {
        "dialects": Counter(result.dialect for result in results),
        "keys": Counter(result.key for result in results),
        "types of columns": Counter(kind for result in results for kind in result.types),
        "tables of which all records load": Counter(result.records for result in results),
    }
    for name, counts in asked.items():
        share = 100 * counts["right"] / sum(counts.values())
        figures.lines[name] = [str(counts["right"]), str(counts["told"]), str(counts["silent"]), f"{share:.1f}"]
    return figures


def _sniffers(folder: Path, count: int, rival_python: Path) -> Figures:
    folder.mkdir(parents=True, exist_ok=True)
    truths = dict(_written(folder, count))
    gigabytes = sum(path.stat().st_size for path in truths) / 1e9
    figures = Figures(
        f"Delimiter and header of {len(truths)} CSV files, one of each table",
        ("right", "unsure or refused", "wrong", "seconds a GB"),
    )
    answers = {"assay source new, dialects alone": _asked(truths)}
    command = [str(rival_python), str(PROJECT / "bench" / "rival_sniffers.py"), *map(str, truths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - a script of this folder
    answers |= json.loads(done.stdout)
    for name, (seconds, replies) in answers.items():
        counts = Counter(
            "unsure" if answer is None else "right" if tuple(answer) == truth else "wrong"
            for answer, truth in zip(replies, truths.values(), strict=True)
        )
        shown = [str(counts[verdict]) for verdict in ("right", "unsure", "wrong")]
        figures.lines[name] = [*shown, f"{seconds / gigabytes:,.0f}"]
    return figures


def _written(folder: Path, count: int) -> Iterable[tuple[Path, tuple[str, bool]]]:
    """The first file of each table of CSV, unpacked, with its delimiter and whether it has a header."""
    for seed in range(count):
        table = table_of(seed)
        if table.writing.type == "csv":
            path = folder / f"{seed}.csv"
            path.write_bytes(table.texts[table.shown[0]].encode(table.writing.encoding))
            yield path, (table.writing.delimiter, table.writing.header)


def _asked(truths: dict[Path, tuple[str, bool]]) -> tuple[float, list[tuple[str, bool] | None]]:
    """Assay's answers; one that is wrong and that it says it is not sure of is none."""
    answers: list[tuple[str, bool] | None] = []
    began = time.perf_counter()
    for path, truth in truths.items():
        try:
            kind = kind_of([path])
        except Undescribable:
            answers.append(None)
            continue
        answer = (kind.form.delimiter, bool(kind.form.header))
        is_unsure = any(sentence.startswith(_OF_DIALECT) for sentence in kind.unsure)
        answers.append(None if answer != truth and is_unsure else answer)
    return time.perf_counter() - began, answers
