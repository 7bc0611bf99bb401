"""Files that do not fit their contract as a whole are refused; a record that does not fit costs itself alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.checks.recount import recount
from assay.ledger.pending import NeedsFiles
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "a": "varchar", "b": "varchar"}
HEADER = "id,a,b\n"
JSONL = {"type": "jsonl"}
BARE = {"type": "csv", "header": False}
ORDERS = [{"id": n, "a": "tea", "b": {"sizes": [1, 2]}} for n in range(4)]


def load(make: Make, content: str | bytes, **contract: Any) -> Source:
    source = make(COLUMNS, **contract)
    source.put("a", content)
    source.put("b", '{"id": 77}\n' if contract.get("format") == JSONL else f"{HEADER}77,x,y\n")
    source.run()
    return source


def assert_refused(source: Source, *parts: str) -> None:
    """None of the file is stored, the file beside it is."""
    assert source.files() == {"a": "refused", "b": "loaded"}
    assert source.rows("id") == [(77,)]
    assert source.malformed() == []
    for part in parts:
        assert part in source.reason("a")


# A header without a name


@pytest.mark.parametrize(
    ("header", "at"),
    [("id,a,,b", "3"), ("id,a,b,", "4"), ('id,"",a,b', "2"), (" ,id,a,b", "1"), ("id,a,b,\t, ", "4, 5")],
)
@pytest.mark.parametrize("policy", ["rescue", "refuse"])
def test_a_header_that_leaves_a_column_without_a_name_refuses_the_file(
    make: Make, header: str, at: str, policy: str
) -> None:
    source = load(make, f"{header}\n1,x,y\n2,x,y\n", new_columns=policy)
    assert_refused(source, "without a name", f"at position {at}:", "have the file sent with a name for each column")


def test_a_file_with_such_a_header_that_an_earlier_version_loaded_is_named_by_the_recount(make: Make) -> None:
    source = load(make, HEADER + "1,x,y\n")
    path = source.landing / "sales" / "a"
    seen = path.stat()
    path.write_bytes(b"id,,,\n1,x,y\n")
    source.sql(
        "update ops.files set inode = ?, size_bytes = 12, mtime_ns = ?, ctime_ns = ? where path = 'sales/a'",
        [seen.st_ino, path.stat().st_mtime_ns, path.stat().st_ctime_ns],
    )
    assert recount(source.connection, source.landing, source.contract).differing == (("sales/a", 1, 0),)


# All records are malformed alike

ALL_BROKEN = {
    "another delimiter": ("1;x;y\n" * 25, {}, "25 records are malformed for a wrong number of fields", "'1;x;y'"),
    "all sorts of counts": ("1\n1,2\n1,2,3,4\n1,2,3,4,5,6\n" * 5, {}, "20 records", "(1 field, expected 3)"),
    "a field too many": ("1,x,y,\n" * 20, {}, "20 records", "line 2 is '1,x,y,' (4 fields, expected 3)"),
    "inches": ("1,5' 10\",y\n" * 30, {}, "30 records are malformed for broken quotes", 'quote: ""'),
    "text after quotes": ('1,"x"y,z\n' * 30, {}, "for broken quotes", "text after a closing quote"),
    "quotes of every kind": ('1,"x"y,z\n1,5",y\n1, "x",y\n1,"x,y\n' * 10, {}, "for broken quotes", "line 2 is"),
    "another quote": ('1,"x, y",z\n' * 20, {"quote": "'"}, "for a wrong number of fields", "4 fields, expected 3"),
}


@pytest.mark.parametrize("name", ALL_BROKEN)
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzip"])
def test_a_csv_file_of_records_that_are_all_broken_alike_is_refused(
    make: Make, name: str, pack: Callable[[str], bytes]
) -> None:
    lines, form, *parts = ALL_BROKEN[name]
    assert_refused(load(make, pack(HEADER + lines), format={"type": "csv", **form}), *parts)


NO_LINES = {
    "a pretty-printed array": json.dumps(ORDERS, indent=2),
    "pretty-printed objects": "\n".join(json.dumps(order, indent=4) for order in ORDERS * 2),
    "an array on each line": "[1, 2]\n" * 20,
    "csv": "id,a,b\n" + "1,x,y\n" * 19,
    "objects with commas between": "".join(json.dumps(order) + ",\n" for order in ORDERS * 5),
}


@pytest.mark.parametrize("name", NO_LINES)
def test_a_file_called_jsonl_without_a_whole_object_on_any_line_is_refused(make: Make, name: str) -> None:
    source = load(make, NO_LINES[name], format=JSONL)
    count = sum(1 for line in NO_LINES[name].split("\n") if line.strip())
    assert count >= 20
    first = repr(NO_LINES[name].split("\n")[0][:100])
    assert_refused(
        source, f"all of its {count} records are malformed for not being one complete JSON object", f"line 1 is {first}"
    )


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (HEADER + "1;x;y\n" * 19, {"type": "csv"}),
        (HEADER + "1;x;y\n" * 400 + "1,x,y\n", {"type": "csv"}),
        (HEADER + "x,y,z\n" * 400, {"type": "csv"}),
        (HEADER + "1;x;y\n" * 200 + "x,y,z\n" * 200, {"type": "csv"}),
        (HEADER + "1;x;y\n" * 200 + '1,"x"y,z\n', {"type": "csv"}),
        (HEADER.encode() + b"1,\xff,y\n" * 400, {"type": "csv"}),
        (HEADER + "1,x\ry,z\n" * 400, {"type": "csv"}),
        ("[\n" * 19, JSONL),
        ("[\n" * 400 + "{}\n", JSONL),
        ('{"id": "x"}\n' * 400, JSONL),
        ('{"id": 1, "id": 2}\n' * 400, JSONL),
        ('{"id": NaN}\n' * 400, JSONL),
    ],
)
def test_small_files_and_values_and_a_single_good_record_stay_records_in_quarantine(
    make: Make, content: str | bytes, form: dict[str, Any]
) -> None:
    source = load(make, content, format=form)
    assert source.files() == {"a": "loaded", "b": "loaded"}
    [(read, malformed)] = source.sql("select records_read, records_malformed from ops.files where path = 'sales/a'")
    assert malformed in (read, read - 1) and malformed >= 19


def test_a_refused_version_replaces_nothing_and_its_repair_does(make: Make) -> None:
    source = load(make, f"{HEADER}1,x,y\n")
    source.put("a", HEADER + "2;x;y\n" * 30)
    source.run()
    assert source.rows("id") == [(1,), (77,)]
    source.put("a", HEADER + "2,x,y\n")
    source.run()
    current = "select id from bronze.sales where _file_id in (select file_id from ops.current_files) order by id"
    assert source.sql(current) == [(2,), (77,)]


def test_a_refused_file_and_its_copies_are_looked_at_once(make: Make) -> None:
    source = load(make, HEADER + "2;x;y\n" * 30)
    source.put("c", HEADER + "2;x;y\n" * 30)
    source.run()
    assert source.files() == {"a": "refused", "b": "loaded", "c": "refused"}
    assert source.run().known == 3


# Without a header


@pytest.mark.parametrize("first", ["1", "1,x", "1,x,y,z", '1,"x,y', '1,"x"y,z', '1,5",y'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_without_a_header_a_first_record_that_is_broken_costs_itself_alone(make: Make, first: str, end: str) -> None:
    source = make(COLUMNS, format=BARE)
    source.put("a", f"{first}{end}2,x,y{end}3,x,y{end}")
    source.run()
    assert source.rows("id") == [(2,), (3,)]
    assert [(line, raw) for line, raw, _ in source.malformed()] == [(1, first)]


def test_without_a_header_every_record_is_held_against_the_contract_and_not_against_the_first(make: Make) -> None:
    source = make(COLUMNS, format=BARE)
    source.put("a", "1,x\n2,x\n3,x\n")
    source.put("b", "1,x\n" * 50)
    source.put("c", "4,x,y\n5,x\n")
    source.run()
    assert source.files() == {"a": "loaded", "b": "refused", "c": "loaded"}
    assert source.rows("id") == [(4,)]
    assert [reasons for _, _, reasons in source.malformed()] == [["2 fields, expected 3"]] * 4


@pytest.mark.parametrize(("content", "parts"), [(b"", "empty"), (b"PAR1\0\0", "NUL")])
def test_without_a_header_a_file_that_is_no_text_is_still_refused(make: Make, content: bytes, parts: str) -> None:
    source = make(COLUMNS, format=BARE)
    source.put("a", content)
    source.run()
    assert parts in source.reason("a")


@pytest.mark.parametrize("personal", [(), ("b",)])
def test_no_record_is_shown_where_a_column_is_personal(make: Make, personal: tuple[str, ...]) -> None:
    source = load(make, HEADER + "1;Ann;Smith\n" * 200, personal=personal)
    assert_refused(source, "all of its 200 records are malformed", "line 2")
    assert ("Ann" in source.reason("a")) is (not personal)


# A full refresh


def loaded_by_an_earlier_version(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load as before such files were refused."""
    with monkeypatch.context() as patch:
        patch.setattr("assay.loading.file_load.refuse_misfit", lambda *_, **__: None)
        source.run()


def test_a_full_refresh_refuses_a_stored_misfit_without_a_row_and_goes_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    source.put("a", HEADER + "2;x;y\n" * 30)
    source.put("b", HEADER + "77,x,y\n")
    source.put("c", HEADER + "2;x;y\n" * 30)
    loaded_by_an_earlier_version(source, monkeypatch)
    assert source.files() == {"a": "loaded", "b": "loaded", "c": "duplicate"}
    source.load(is_full_refresh=True)
    assert source.files() == {"a": "refused", "b": "loaded", "c": "refused"}
    assert (source.rows("id"), source.malformed()) == ([(77,)], [])
    assert source.sql("select distinct records_read from ops.files where status = 'refused'") == [(None,)]


@pytest.mark.parametrize("line", ['1,5" pipe,steel', '1,"x"y,z'])
def test_a_full_refresh_keeps_the_records_of_a_small_file_that_it_takes_for_broken(make: Make, line: str) -> None:
    """As an earlier version may have loaded them; the number of their fields says nothing about the contract."""
    source = load(make, f"{HEADER}1,x,y\n")
    path = source.landing / "sales" / "a"
    path.write_text(f"{HEADER}{line}\n")
    seen = path.stat()
    source.sql(
        "update ops.files set inode = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ? where path = 'sales/a'",
        [seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns],
    )
    source.load(is_full_refresh=True)
    assert source.rows("id") == [(77,)]
    assert [(at, raw) for at, raw, _ in source.malformed()] == [(2, line)]


@pytest.mark.parametrize("rows", [1, 30])
def test_a_full_refresh_that_would_take_every_row_of_a_file_for_broken_changes_nothing(make: Make, rows: int) -> None:
    """Without a header, only this tells a column too many in the contract from a broken file."""
    source = make(COLUMNS, format=BARE)
    source.put("a", "1,x,y\n" * rows)
    source.run()
    before = source.sql("select * from ops.files")
    source.columns["c"] = "varchar"
    with pytest.raises(NeedsFiles, match=r"sales/a: all of its .* a wrong number of fields.*nothing was changed"):
        source.load(is_full_refresh=True)
    del source.columns["c"]
    assert source.rows("id") == [(1,)] * rows
    assert source.sql("select * from ops.files") == before
