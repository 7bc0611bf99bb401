"""Lines of CSV files that are no records: titles, totals, comments, headers of several lines or repeated."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.loading.file_load import FileLoad
from assay.text.framing import framed
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "decimal(9,2)"}
TITLES = "Report of May\nprinted 2024-05-31\n\n"
HEADER = "id,name,price\n"
ROWS = "1,tea,2.50\n2,milk,1.00\n"
READ = [(1, "tea", "2.50"), (2, "milk", "1.00")]


def load(make: Make, text: str, encoding: str = "utf-8", **form: Any) -> Source:
    source = make(COLUMNS, format={"type": "csv", "encoding": encoding, **form})
    source.put("a.csv", text.encode(encoding))
    source.run()
    return source


def rows(source: Source) -> list[tuple[Any, ...]]:
    return source.sql(f"select id, name, price::varchar from {source.table} order by id")


@pytest.mark.parametrize(
    "encoding", ["utf-8", *(pytest.param(name, marks=pytest.mark.slow) for name in ("utf-8-sig", "cp1252")), "utf-16"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bad", [False, True], ids=["fast", "careful"])
@pytest.mark.parametrize(
    ("text", "form"),
    [
        (TITLES + HEADER + ROWS, {"preamble": 3}),
        (TITLES + HEADER + ROWS, {"preamble": {"until": "^id,"}}),
        (HEADER + ROWS + "Total,2,3.50\n\nend of report", {"footer": "^(Total|end of)"}),
        ("# one\n" + HEADER + "# two, three\n" + ROWS + "# four", {"comment": "#"}),
        (HEADER + HEADER + ROWS + HEADER, {"repeated_header": True}),
        ("id,name,\n,,price\n" + ROWS, {"header": 2}),
        ("x\nid,name,price\n" + ROWS, {"preamble": 1}),
        (TITLES + "# c\n" + HEADER + ROWS + "Total,2,3.50\n", {"preamble": 3, "comment": "#", "footer": "^Total"}),
    ],
)
def test_only_records_are_read(make: Make, text: str, form: dict[str, Any], bad: bool, encoding: str, end: str) -> None:
    wrong = "3,bread,x\n"
    given = text.replace(ROWS, ROWS + wrong) if bad else text
    source = load(make, given.replace("\n", end), encoding, **form)
    assert source.files() == {"a.csv": "loaded"}
    assert rows(source) == READ
    line = given.split("\n").index(wrong.strip()) + 1 if bad else 0
    assert [(at, raw) for at, raw, _ in source.malformed()] == ([(line, wrong.strip())] if bad else [])
    source.assert_conserved()
    written = sum(bool(part.strip()) for part in text.split("\n"))
    left_out = written - int(form.get("header", 1)) - len(READ)
    assert source.sql("select lines_left_out from ops.files") == [(left_out,)]


def test_a_full_refresh_counts_anew_what_is_no_record(make: Make) -> None:
    source = load(make, HEADER + ROWS + "Total,2,3.50\n", footer="^Total")
    source.options["format"] = {"type": "csv", "footer": "^(Total|2,)"}
    source.load(is_full_refresh=True)
    assert source.sql("select lines_left_out, records_loaded from ops.files") == [(2, 1)]


def test_sound_files_go_the_fast_way(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileLoad, "careful", None)
    text = TITLES + "# c\n" + HEADER + ROWS + "Total,2,3.50\n"
    source = load(make, text, preamble=3, comment="#", footer="^Total")
    assert rows(source) == READ


def test_what_looks_like_the_last_line_and_is_not_is_a_record(make: Make) -> None:
    text = HEADER + "1,tea,2.50\n2,Total,1.00\n3,Total\n\n4,milk,1.00\n5,Total,2.00\n"
    source = load(make, text, footer="Total")
    assert rows(source) == [(1, "tea", "2.50"), (2, "Total", "1.00"), (4, "milk", "1.00")]
    assert [(line, raw) for line, raw, _ in source.malformed()] == [(4, "3,Total")]


def test_lines_inside_quotes_are_text(make: Make) -> None:
    text = HEADER + '1,"a\n# b\nid,name,price\nTotal",2.50\n# out\n2,milk,1.00\n'
    source = load(make, text, comment="#", repeated_header=True, footer="^Total")
    assert rows(source) == [(1, "a\n# b\nid,name,price\nTotal", "2.50"), (2, "milk", "1.00")]


def test_a_file_without_the_line_that_ends_the_titles_is_refused(make: Make) -> None:
    source = load(make, HEADER + ROWS, preamble={"until": "^sku"})
    assert source.files() == {"a.csv": "refused"}
    assert "before the header" in str(source.reason("a.csv"))


@pytest.mark.parametrize("preamble", [7, {"until": "^sku"}])
def test_a_file_that_is_all_titles_is_refused_without_a_header_too(make: Make, preamble: object) -> None:
    source = load(make, ROWS, header=False, preamble=preamble)
    assert source.files() == {"a.csv": "refused"}
    assert "all of the file is before the header" in source.reason("a.csv")


def test_a_line_without_an_end_is_refused_in_little_memory(make: Make) -> None:
    source = load(make, HEADER + ROWS + "x" * (20 << 20), comment="#")
    assert "a line goes on for more than" in source.reason("a.csv")


def test_a_record_that_is_too_long_is_malformed_beside_lines_that_are_none(make: Make) -> None:
    source = load(make, HEADER + ROWS + f"3,{'x' * 2_000_000},1\n# end\n", comment="#")
    assert rows(source) == READ
    assert [(line, reasons) for line, _, reasons in source.malformed()] == [
        (4, ["longer than 1,999,950 bytes; only its beginning is kept here"])
    ]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"footer": "("}, r"footer '\(' is not a regular expression"),
        ({"preamble": {"until": "["}}, "preamble is a number of lines, or a pattern below `until`, not"),
        ({"preamble": -1}, "header and preamble are numbers of lines"),
        ({"header": 2, "repeated_header": True}, "repeated_header goes with a header of one line"),
        ({"header": False, "repeated_header": True}, "repeated_header goes with a header of one line"),
    ],
)
def test_what_cannot_be_said_is_told(make: Make, form: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        _ = make(COLUMNS, format={"type": "csv", **form}).contract
    with pytest.raises(ContractError, match="need two columns"):
        _ = make({"id": "bigint"}, format={"type": "csv", "comment": "#"}).contract


def test_pieces_of_any_size_give_the_same(make: Make) -> None:
    text = (TITLES + HEADER + '# c\n1,"x\n# y",1\n' + ROWS * 50 + "Total,1,1\n").encode()
    form = make(COLUMNS, format={"type": "csv", "preamble": 3, "comment": "#", "footer": "^Total"}).contract.format
    whole = b"".join(framed([text], form))
    rng = random.Random(7)  # noqa: S311
    for _ in range(50):
        cuts = sorted(rng.sample(range(len(text)), 9))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert b"".join(framed(pieces, form)) == whole
    assert whole.count(b"\n") == text.count(b"\n")
