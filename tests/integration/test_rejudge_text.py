"""Files that an earlier version loaded: which of them would be judged differently now, and why."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.loading import rejudge_text
from assay.loading.rejudge_text import judged_otherwise
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "a": "varchar", "b": "varchar"}
HEADER = "id,a,b\n"
ONE = {"x": "varchar"}
JSONL = {"type": "jsonl"}


def judge(
    make: Make, content: str | bytes, stored: tuple[int, int], columns: dict[str, str] = COLUMNS, **form: Any
) -> str:
    """What is said of a file of which an earlier version stored so many rows and malformed records."""
    source = make(columns, format={"type": "csv", **form})
    return judged_otherwise(source.put("a", content), source.contract, *stored, 1 << 30)


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "stored", "columns", "form", "why"),
    [
        (HEADER + '1,x,y\n7,Socks"warm, soft"\n', (2, 0), COLUMNS, {}, "1 of its records would be malformed for a q"),
        (HEADER + '1,x,y\n2,5",y\n3,x,6"\nx,y,z\n', (3, 1), COLUMNS, {}, "2 of its records would be malformed"),
        (HEADER + "1,5' 10\",y\n" * 20, (20, 0), COLUMNS, {}, "it would be refused: all of its 20 records"),
        ("x\na\n\nb\n", (2, 0), ONE, {}, "it would be read as 3 records, and 2 of it are stored"),
        ("a\n\nb\n\n", (2, 0), ONE, {"header": False}, "it would be read as 4 records, and 2 of it are stored"),
        ("x\na\n\nb,c\n", (1, 1), ONE, {}, "it would be read as 3 records, and 2 of it are stored"),
        ("id,a,b,\n1,x,y,\n", (1, 0), COLUMNS, {}, "it would be refused: the header leaves 1 of 4 columns"),
        ('id,a,b,5"\n1,x,y,z\n', (1, 0), COLUMNS, {}, "it would be refused: the header is malformed"),
        ("id,a,,b\n" + "1,x,y\n" * 2, (0, 2), COLUMNS, {}, "it would be refused: the header leaves 1 of 4 columns"),
        (HEADER + "1;x;y\n" * 20, (0, 20), COLUMNS, {}, "it would be refused: all of its 20 records are malformed"),
        (json.dumps([{"id": n} for n in range(9)], indent=1), (0, 29), COLUMNS, JSONL, "all of its 29 records"),
    ],
)
def test_a_file_that_would_be_judged_differently_is_told_with_the_reason(
    make: Make,
    content: str,
    stored: tuple[int, int],
    columns: dict[str, str],
    form: dict[str, Any],
    why: str,
    pack: Callable[[str], bytes],
) -> None:
    assert why in judge(make, pack(content), stored, columns, **form)


@pytest.mark.parametrize(
    ("content", "columns", "form"),
    [
        (HEADER, COLUMNS, {}),
        (HEADER + "1,x,y\n\n2,x,y\n\n\n", COLUMNS, {}),
        (HEADER + 'x,y,z\n1,"a ""b""",y\n', COLUMNS, {}),
        (HEADER + '1,x\n2,5" x 3",y\n"3"x,y,z\n4,"a\nb",c\n', COLUMNS, {}),
        (HEADER + "1,5' 10\",y\n" * 20, COLUMNS, {"quote": ""}),
        (HEADER + "1;x;y\n" * 19, COLUMNS, {}),
        (HEADER + "x,y,z\n" * 40, COLUMNS, {}),
        ("\n\nx\na\nb\n", ONE, {}),
        ("1,x,y\n2,x\n", COLUMNS, {"header": False}),
        ("é,x,y\n" * 3, COLUMNS, {"header": False, "encoding": "latin-1"}),
        ('{"id": 1}\n\n[]\n', COLUMNS, JSONL),
        ("[]\n" * 19, COLUMNS, JSONL),
        ('{"id": "x"}\n' * 40, COLUMNS, JSONL),
    ],
)
def test_a_file_that_is_judged_as_before_is_not_told(
    make: Make, content: str, columns: dict[str, str], form: dict[str, Any]
) -> None:
    source = make(columns, format={"type": "csv", **form})
    path = source.put("a", content.encode(form.get("encoding", "utf-8")))
    source.run()
    [stored] = source.sql("select records_loaded, records_malformed from ops.files")
    assert judged_otherwise(path, source.contract, *stored, 1 << 30) == ""


def test_sound_files_cost_one_fast_pass_and_json_lines_with_rows_none(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the file is read")

    monkeypatch.setattr(rejudge_text, "write_clean", fail)
    assert judge(make, HEADER + "1,x,y\n2,x,y\nz,x,y\n", (2, 1)) == ""
    monkeypatch.setattr(rejudge_text, "examine", fail)
    assert judge(make, '{"id": 1}\nx\n', (1, 1), type="jsonl") == ""


def test_a_file_that_is_gone_is_an_error_and_not_an_answer(make: Make, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        judged_otherwise(tmp_path / "gone", make(COLUMNS).contract, 1, 0, 1 << 30)
