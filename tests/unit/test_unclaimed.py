"""What lies in landing is claimed, ignored by a written rule, or listed with the likely reason."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.contract.contract import Contract
from assay.contract.parse import parse_contract
from assay.ledger import ignored, unclaimed
from assay.ledger.folded_files import find
from assay.ledger.unclaimed import Unclaimed, list_unclaimed
from tests.places import PROJECT
from tests.source import bronze_node

HOUR = timedelta(hours=1)


def contract(name: str, files: str) -> Contract:
    return parse_contract(bronze_node(name, {"id": "bigint"}, ["id"], files=files))


CONTRACTS = [
    contract("transactions", "transactions/*.csv"),
    contract("products", "products/**/*.jsonl.gz"),
    contract("days", "days/*/day-[0-9].csv"),
    contract("packed", "packed/*.zip!/*.csv"),
]


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    path = tmp_path / "land[i]ng *"
    (path / "transactions").mkdir(parents=True)
    return path


def put(landing: Path, name: str, content: bytes = b"x") -> Path:
    path = landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def listed(landing: Path) -> dict[str, str]:
    return {file.shown: hint for file, hint in list_unclaimed(landing, CONTRACTS).files}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("transactions/up.CSV", "differs only in upper and lower case from 'transactions/*.csv' of transactions"),
        ("transactions/a.csv.gz", "is compressed, which can be read, but its ending .gz is not in 'transactions/"),
        ("transactions/2017/a.csv", "lies in a sub-folder of where 'transactions/*.csv' of transactions looks"),
        ("transactoins/a.csv", "the folder is called almost like 'transactions' of transactions"),
        ("transactions/_x.csv", "names that begin with `_` are left alone; rename it"),
        ("a.csv", "lies in the landing zone itself; 'transactions/*.csv' of transactions would claim '"),
        ("Transactions/a.csv", "differs only in upper and lower case from 'transactions/*.csv' of transactions"),
        ("_old/a.csv", "names that begin with `_` are left alone; rename it"),
        ("transactions/a.csv.bz2", "is compressed, which can be read, but its ending .bz2 is not in 'tr"),
        ("transactions/a.csv.7z", "is packed as .7z, which cannot be read; unpack it for 'transactions/*.csv'"),
        ("transactions/A.CSV.ZIP", "is a zip archive, whose members can be read if `files` says so"),
        ("transactions/notes.txt", "does not match 'transactions/*.csv' of transactions"),
        ("days/x/y/day-1.csv", "lies in a sub-folder of where 'days/*/day-[0-9].csv' of days looks"),
        ("elsewhere/deep/er/a.csv", "no source looks in this folder"),
        ("x", "lies in the landing zone itself; sources have folders"),
        ("packed/x.zip!/a.csv", "`!` stands for an archive in 'packed/*.zip!/*.csv'"),
        ("transactions/A.TMP", "does not match 'transactions/*.csv' of transactions"),
    ],
)  # fmt: skip
def test_a_file_that_no_source_claims_is_listed_with_the_likely_reason(landing: Path, name: str, hint: str) -> None:
    put(landing, name, b"12345")
    [(file, reason)] = list_unclaimed(landing, CONTRACTS).files
    assert (file.path, file.size_bytes) == (name, 5)
    assert reason.startswith(hint)
    assert file.since is not None
    assert abs(datetime.now(UTC) - file.since) < HOUR


def test_a_blank_that_nobody_sees_is_shown_in_quotes(landing: Path) -> None:
    put(landing, "transactions/a.csv ")
    put(landing, "transactions /a.csv")
    assert listed(landing) == {
        "'transactions/a.csv '": "has a blank too many for 'transactions/*.csv' of transactions",
        "'transactions /a.csv'": "has a blank too many for 'transactions/*.csv' of transactions",
    }


@pytest.mark.parametrize(
    "name",
    [
        "transactions/a.csv", "products/x/y/p.jsonl.gz", "days/x/day-1.csv",
        "transactions/.a.csv", ".git/config", "transactions/.x/a.csv", "a.csv.part", "x/a.tmp", "x/a.crdownload",
        "out/_SUCCESS", "out/_committed_12", "out/_started_12", "out/_metadata", "out/_temporary/0/part-0.csv",
        "table/_delta_log/0.json", "s/_spark_metadata/0",
    ],
)  # fmt: skip
def test_what_is_claimed_or_ignored_by_a_written_rule_is_not_listed(landing: Path, name: str) -> None:
    put(landing, name)
    assert list_unclaimed(landing, CONTRACTS) == Unclaimed()


@pytest.mark.parametrize("name", ["_SUCCESS.csv", "x_SUCCESS", "_temporary", "_delta_log.csv", "_success"])
def test_a_name_that_is_only_like_a_marker_is_listed(landing: Path, name: str) -> None:
    put(landing, f"transactions/{name}")
    assert list(listed(landing)) == [f"transactions/{name}"]


def test_every_rule_that_ignores_is_written_in_the_docs() -> None:
    text = (PROJECT / "docs" / "adding-a-source.md").read_text()
    section = text.split("## Files that no source claims", 1)[1].split("\n## ", 1)[0]
    rules = [*ignored.MARKER_FILES, *(f"{folder}/" for folder in ignored.MARKER_FOLDERS), *ignored.UNFINISHED]
    named = re.findall(r"`([^`]+)`", section)
    assert not {*rules, ignored.HIDDEN, ignored.IGNORE_FILE} - set(named)


def test_the_ignore_file_takes_files_off_the_list_and_claims_are_as_before(landing: Path) -> None:
    for name in ("notes/a.txt", "transactions/a.csv", "x/a.md", "x/keep.md", "x/a.txt", "notes.txt"):
        put(landing, name)
    put(landing, ".assayignore", b"# what people put there\r\nnotes/\n*.md\n!keep.md\n/x/*.txt\ntransactions/\n")
    assert list(listed(landing)) == ["notes.txt", "x/keep.md"]
    assert [arrival.name for arrival in find(landing, "transactions/*.csv")] == ["transactions/a.csv"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"*.md\n!\n", "line 2: '!' is not a pattern of .gitignore"),
        (b"[z-a]\n", "line 1: '[z-a]' is not a pattern of .gitignore"),
        (b"\xff\n", "is not valid UTF-8"),
        (b"x\n" * 600_000, "is not a text file of at most 1,000,000 bytes"),
    ],
)
def test_an_ignore_file_that_cannot_be_used_ignores_nothing_and_says_why(
    landing: Path, content: bytes, problem: str
) -> None:
    put(landing, ".assayignore", content)
    put(landing, "a.md")
    listing = list_unclaimed(landing, CONTRACTS)
    assert listing.problem in (f".assayignore {problem}", f".assayignore: {problem}")
    assert listing.count == 1


def test_an_ignore_file_that_is_a_pipe_is_not_waited_for(landing: Path) -> None:
    os.mkfifo(landing / ".assayignore")
    assert "is not a text file" in list_unclaimed(landing, CONTRACTS).problem


def test_what_is_no_file_says_what_it_is_and_no_link_is_followed(landing: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "secret.txt")
    put(landing, "here/a.txt")
    os.mkfifo(landing / "pipe")
    (landing / "nowhere").symlink_to("absent")
    (landing / "round").symlink_to("round")
    (landing / "up").symlink_to("..")
    (landing / "self").symlink_to(".")
    (landing / "file").symlink_to(outside / "secret.txt")
    (landing / "transactions/dangling.csv").symlink_to("absent")  # a source refuses it and says so
    (landing / "days").mkdir()
    (landing / "days/linked").symlink_to("../here")  # a source looks into it
    (landing / "days/away").symlink_to(outside)
    reasons = listed(landing)
    assert reasons.pop("round").startswith("is a link that leads nowhere: Too many levels of symbolic links")
    assert reasons == {
        "file": "lies in the landing zone itself; sources have folders",
        "nowhere": "is a link that leads nowhere: No such file or directory",
        "pipe": "is not a regular file (a pipe, socket or device)",
        "self/": "is a link to a folder, in which nothing is looked for",
        "up/": "is a link to a folder out of the landing zone, in which nothing is looked for",
        "days/away/": "is a link to a folder out of the landing zone, in which nothing is looked for",
        "here/a.txt": "no source looks in this folder",
    }


def test_a_link_that_leads_nowhere_is_listed_where_its_source_does_not_see_it(landing: Path) -> None:
    (landing / "transactions/all.csv").symlink_to("absent")
    fixed = contract("transactions", "transactions/all.csv")
    assert find(landing, fixed.files) == []
    assert list_unclaimed(landing, [fixed]).count == 1


def test_every_path_is_either_found_by_a_run_or_listed(landing: Path) -> None:
    names = ["a.csv", "b.CSV", "_c.csv", "é.csv", "a\nb.csv", "[x].csv", "day-1.csv", "p.jsonl.gz", "day-a.csv"]
    for folder in ("", "transactions/", "products/", "products/deep/", "days/", "days/x/", "days/x/y/", "_z/"):
        for name in names:
            put(landing, folder + name)
    claimed = {arrival.name for contract in CONTRACTS for arrival in find(landing, contract.files)}
    here = {file.path for file, _ in list_unclaimed(landing, CONTRACTS).files}
    files = {path.relative_to(landing).as_posix() for path in landing.rglob("*") if path.is_file()}
    assert not claimed & here
    assert claimed | here == files


def test_names_that_a_terminal_would_obey_are_shown_as_escapes(landing: Path) -> None:
    put(landing, "a\x1b[31m\nb\u202e")
    Path(os.fsdecode(os.fsencode(landing) + b"/\xff")).write_text("x")
    listing = list_unclaimed(landing, CONTRACTS)
    assert [file.shown for file, _ in listing.files] == ["a\\x1b[31m\\nb\\u202e", "\\xff"]
    assert listing.files[1][1] == "the name is not valid UTF-8; rename the file"
    assert listing.in_words(1) == "2 files are claimed by no source: a\\x1b[31m\\nb\\u202e and 1 more"


@pytest.mark.slow  # ten thousand files are written
def test_ten_thousand_files_are_counted_and_a_thousand_named(landing: Path) -> None:
    (landing / "transactoins").mkdir()
    for number in range(10_000):
        (landing / f"transactoins/{number}.csv").touch()
    listing = list_unclaimed(landing, CONTRACTS)
    assert (listing.count, len(listing.files)) == (10_000, 1_000)
    assert listing.in_words(2).endswith("transactoins/0.csv, transactoins/1.csv and 9,998 more")


def test_a_folder_that_cannot_be_listed_is_listed_itself(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(landing, "products/closed/p.jsonl.gz")
    put(landing, "b.txt")
    scandir = os.scandir

    def refuse(path: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
        if os.fspath(path).rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(unclaimed.os, "scandir", refuse)
    reasons = listed(landing)
    assert reasons["products/closed/"] == "the folder cannot be listed: Permission denied"
    assert list(reasons) == ["b.txt", "products/closed/"]
    put(landing, ".assayignore", b"products/closed/\n")
    assert list(listed(landing)) == ["b.txt"]


def test_a_path_longer_than_the_system_takes_is_told_and_ends_nothing(landing: Path) -> None:
    here = os.getcwd()  # noqa: PTH109 - pathlib has no way to such a path
    try:
        os.chdir(landing)
        for _ in range(20):
            os.mkdir("d" * 250)  # noqa: PTH102
            os.chdir("d" * 250)
    finally:
        os.chdir(here)
    put(landing, "z.txt")
    [(first, _), (deep, hint)] = list_unclaimed(landing, CONTRACTS).files
    assert (first.path, hint) == ("z.txt", "the folder cannot be listed: File name too long")
    assert deep.path.startswith("d" * 250)


def test_landing_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list_unclaimed(tmp_path / "absent", CONTRACTS) == Unclaimed()
