"""Files that look like something else: what `source new` proposes for them loses none of their records."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import openpyxl
import pytest
import yaml

from assay.base.archive_limits import ArchiveLimits
from assay.describing.archive_files import described
from assay.describing.clean_names import clean_names
from assay.describing.kinds import Undescribable
from assay.describing.proposal import propose
from assay.describing.proposed_yml import Proposal
from tests.judged_tables import load

pytestmark = pytest.mark.slow  # a lake each


def proposed(folder: Path, files: dict[str, bytes]) -> Proposal:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with described("sales", [folder / name for name in files], ArchiveLimits()) as shown:
        return propose("sales", shown, "tests")


def rows(first: int, last: int) -> str:
    return "".join(f"{n};x{n};{n}.5\n" for n in range(first, last))


HEADER = "id;name;amount\n"
MEAN = {
    "a record that is cut off": ({"a": HEADER + rows(100, 130) + "13", "b": HEADER + rows(130, 140)}, 40, 1),
    "a record with a field too few": (
        {"a": HEADER + rows(100, 130) + "130;1\n", "b": HEADER + rows(1300, 1310)}, 40, 1,
    ),
    "a record that is called count": (
        {"a": "metric,value\n" + "".join(f"m{n},{n}\n" for n in range(20)) + "count,5\n"}, 21, 0,
    ),
    "values that begin like comments": (
        {"a": "Report\ntag;n;x\n" + "".join(f"{'#' * (n % 5 == 0)}t{n};{n};z\n" for n in range(60))}, 60, 0,
    ),
    "a title with a form feed": ({"a": "Monthly report\f\n" + HEADER + rows(1, 60)}, 59, 0),
    "a line separator in a value": ({"a": HEADER + "".join(f"{n};a\u2028b;{n}.5\n" for n in range(1, 60))}, 59, 0),
}  # fmt: skip


@pytest.mark.parametrize("what", MEAN)
def test_no_record_is_taken_for_something_else(tmp_path: Path, what: str) -> None:
    texts, whole, broken = MEAN[what]
    files = {f"{name}.csv": text.encode() for name, text in texts.items()}
    proposal = proposed(tmp_path / "files", files)
    source = load(tmp_path, proposal, files)
    assert set(source.files().values()) == {"loaded"}
    assert source.sql(f"select count(*) from {source.table}") == [(whole,)]
    assert len(source.malformed()) == broken


def test_totals_are_still_none(tmp_path: Path) -> None:
    files = {"a.csv": (HEADER + rows(1, 40) + "Total;;820.5\n").encode(), "b.csv": (HEADER + rows(50, 60)).encode()}
    proposal = proposed(tmp_path / "files", files)
    source = load(tmp_path, proposal, files)
    assert source.sql(f"select count(*) from {source.table}") == [(49,)]
    assert source.malformed() == []


def test_points_of_thousands_in_a_sheet_are_texts(tmp_path: Path) -> None:
    """Numbers of the same column have a point before their fraction, which nothing could tell apart."""
    book = openpyxl.Workbook()
    for row in (["id", "amount"], *([n, f"{n}.234,50"] for n in range(1, 30))):
        book.active.append(row)
    book.save(tmp_path / "made.xlsx")
    files = {"a.xlsx": (tmp_path / "made.xlsx").read_bytes()}
    proposal = proposed(tmp_path / "files", files)
    assert {column.name: column.type.kind for column in proposal.columns} == {"id": "integer", "amount": "text"}
    assert load(tmp_path, proposal, files).malformed() == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"_id,n\n1,2\n", "column '_id' begins with `_`"),
        ("a.csv", b"_file,n\n1,2\n", "column '_file' begins with `_`"),
        ("a.jsonl", b"{}\n{}\n", "have no names, so there are no columns"),
        ("a.json", b"[]", "no columns|is none"),
        ("a.jsonl", b'{"a\\u0000b": 1}\n', "a.jsonl: its columns cannot be told"),
    ],
    ids=["_id", "_file", "no names", "no records", "NUL in a name"],
)
def test_what_can_be_no_source_is_a_sentence(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(Undescribable, match=reason):
        proposed(tmp_path, {name: content})


@pytest.mark.parametrize("letter", ["\x7f", "\x81", "\x85", "\u2028", "\ufeff", "\ufffe", "😀", '"', "\\"])
def test_a_name_comes_back_from_the_yml_whatever_its_letters(tmp_path: Path, letter: str) -> None:
    proposal = proposed(tmp_path, {"a.csv": f'"St{letter.replace(chr(34), chr(34) * 2)}ck ",n\n1,2\n'.encode()})
    names = [column["name"] for column in yaml.safe_load(proposal.yml)["models"][0]["columns"]]
    assert names == [f"St{letter}ck ", "n"]


def test_thousands_of_names_without_latin_letters_are_clean_ones() -> None:
    names = [f"列{chr(0x4E00 + n)}" for n in range(10_000)]
    assert len(set(clean_names(names).values())) == len(names)


@pytest.mark.parametrize("text", ["#a\n\n\n\n", "//\n\n\n", "a\n#b\n\n\n\n"])
def test_lines_of_comments_alone_end_in_a_proposal_or_a_sentence(tmp_path: Path, text: str) -> None:
    with suppress(Undescribable):
        assert proposed(tmp_path, {"a.csv": text.encode()}).columns


def test_the_end_of_a_large_file_of_two_bytes_a_letter_makes_no_footer(tmp_path: Path) -> None:
    """Its bytes of a line end are no line ends, so what was cut off there was no text."""
    files = {
        f"{first}.csv": ("Report;;\n" + HEADER + rows(first, first + 70_000)).encode("utf-16") for first in (1, 70_001)
    }
    proposal = proposed(tmp_path / "files", files)
    assert not proposal.form.footer
    source = load(tmp_path, proposal, files)
    assert source.sql(f"select count(*) from {source.table}") == [(140_000,)]
