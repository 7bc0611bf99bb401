"""`assay source new` on generated tables: what it writes loads every record, of files that it was not shown too."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from assay.base.archive_limits import ArchiveLimits
from assay.base.errors import UserError
from assay.contract.moments import Pattern
from assay.contract.spelling import Spelling
from assay.describing.archive_files import described
from assay.describing.children import Child
from assay.describing.clean_names import clean_names
from assay.describing.kinds import Undescribable
from assay.describing.proposal import propose
from assay.describing.proposed_yml import Proposal
from tests.judged_tables import judged, load


def proposed(folder: Path, files: dict[str, bytes]) -> Proposal:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return proposed_for([folder / name for name in files])


def proposed_for(paths: list[Path], child: Child | None = None) -> Proposal:
    with described("sales", paths, ArchiveLimits()) as files:
        return propose("sales", files, "tests", child=child)


@pytest.mark.slow  # tables in forty-eight ways of writing
@pytest.mark.parametrize("seed", range(48))
def test_a_generated_table_loads_whole_with_files_that_were_not_shown(tmp_path: Path, seed: int) -> None:
    """Right, or told with what may be otherwise; `python bench/run.py --only described` counts both of two hundred."""
    result = judged(seed, tmp_path)
    assert "silent" not in {result.dialect, result.key, result.records, *result.types}, result.why


def test_json_keeps_its_digits_and_the_order_of_its_names(tmp_path: Path) -> None:
    rows = "".join(f'{{"z": {n}, "factor": {n}681433032016302.093056335450, "a": "1.5"}}\n' for n in range(1, 60))
    proposal = proposed(tmp_path / "files", {"a.jsonl": rows.encode()})
    assert [(c.name, c.type.sql) for c in proposal.columns] == [
        ("z", "bigint"), ("factor", "decimal(32,12)"), ("a", "decimal(12,1)"),
    ]  # fmt: skip
    source = load(tmp_path, proposal, {"a.jsonl": rows.encode()})
    assert source.malformed() == []


@pytest.mark.slow  # three proposals each
@pytest.mark.parametrize(
    "written", [str.encode, lambda text: gzip.compress(text.encode("utf-16"))], ids=["plain", "packed"]
)
def test_json_keeps_its_digits_inside_objects_and_lists(tmp_path: Path, written: Callable[[str], bytes]) -> None:
    rows = "".join(
        f'{{"id": {n}, "who": {{"factor": {n}681433032016302.093056335450}}, "lines": [{{"price": {n}.50}}], '
        f'"tags": [{n}.250]}}\n'
        for n in range(10, 60)
    )
    files = {"a.jsonl": written(rows)}
    proposal = proposed(tmp_path / "files", files)
    types = {column.name: column.type.sql for column in proposal.columns}
    assert (types["id"], types["who_factor"]) == ("bigint", "decimal(32,12)")
    assert proposal.lists == {"lines": "/lines", "tags": "/tags"}
    for pointer, name, least in (("/lines", "price", "10.50"), ("/tags", "value", "10.250")):
        child = proposed_for([tmp_path / "files" / "a.jsonl"], Child(pointer))
        assert {column.name: column.least for column in child.columns}[name] == least
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    [(least_factor,)] = source.sql(f"select min(who_factor) from {source.table}")
    assert least_factor == Decimal("10681433032016302.093056335450")


LISTS = {
    "words": (["a", None], ["1"], "varchar[]"),
    "counts": ([1, 2], [], "bigint[]"),
    "flags": ([True], [None, False], "boolean[]"),
    "empty": ([], [], "varchar"),
    "fractions": ([1.5], [1], "varchar"),
    "huge": ([2**64], [1], "varchar"),
    "large": ([2**63], [1], "varchar"),
    "mixed": (["a"], [1], "varchar"),
    "objects": ([{"n": 1}], [], "varchar"),
    "lists": ([[1]], [], "varchar"),
}


@pytest.mark.slow
def test_lists_of_plain_values_of_one_kind_have_their_type(tmp_path: Path) -> None:
    records = [{"id": at, **{name: lists[at] for name, lists in LISTS.items()}} for at in (0, 1)]
    files = {"a.jsonl": "\n".join(map(json.dumps, records)).encode()}
    proposal = proposed(tmp_path / "files", files)
    types = {column.name: column.type.declared for column in proposal.columns}
    assert types == {"id": "bigint"} | {name: kind for name, (_, _, kind) in LISTS.items()}
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    assert source.rows("words", "counts") == [(["1"], []), (["a", None], [1, 2])]


def test_lists_and_maps_of_parquet_have_the_types_of_their_schema(tmp_path: Path) -> None:
    lines = [[{"Sku no": "a", "n": 1.5}, None], None]
    columns = {"id": [1, 2], "lines": lines, "by": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.uint64()))}
    columns |= {"times": pa.array([[1], [2]], pa.list_(pa.time64("us"))), "bytes": [[b"a"], [b"\xff"]]}
    pq.write_table(pa.table(columns), tmp_path / "made")
    files = {"a.parquet": (tmp_path / "made").read_bytes()}
    proposal = proposed(tmp_path / "files", files)
    assert {column.name: column.type.declared for column in proposal.columns} == {
        "id": "bigint",
        "lines": 'struct("Sku no" varchar, n double)[]',
        "by": "map(varchar, hugeint)",
        "times": "varchar",
        "bytes": "varchar",
    }
    source = load(tmp_path, proposal, files)
    assert source.rows("lines", "by") == [([{"Sku no": "a", "n": 1.5}, None], {"k": 1}), (None, {})]


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress])
def test_json_lines_are_read_however_they_are_packed(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    rows = "".join(f'{{"id": {n}, "word": "Müller"}}\n' for n in range(9))
    assert proposed(tmp_path, {"a.jsonl": packed(rows.encode())}).records == 9
    assert proposed(tmp_path, {"a.jsonl": packed(rows.encode("utf-16"))}).columns[1].least == "Müller"


def test_a_line_end_in_the_first_record_makes_no_other_dialect(tmp_path: Path) -> None:
    rows = "".join(f'{n},"two\nlines",17:{n:02},"4,{n}"\n' for n in range(10, 60))
    proposal = proposed(tmp_path, {"a.csv": rows.encode()})
    assert (proposal.form.delimiter, proposal.form.header, proposal.records) == (",", False, 50)


def test_a_footer_is_seen_below_records_of_several_lines(tmp_path: Path) -> None:
    rows = "".join(f'{n},"two\nlines",x\n' for n in range(60))
    proposal = proposed(tmp_path, {"a.csv": f"id,note,c\n{rows}end of file\n".encode()})
    assert (proposal.form.footer, proposal.records) == ("^end\\ of\\ file", 60)


def test_quotes_are_those_that_stand_around_fields(tmp_path: Path) -> None:
    rows = "".join(f"{n},'87''7{n}','say \"so\"'\n" for n in range(60))
    proposal = proposed(tmp_path, {"a.csv": f"id,b,c\n{rows}".encode()})
    assert proposal.form.quote == "'"


@pytest.mark.parametrize(
    ("word", "encoding", "other"),
    [("Москва зелёный", "cp1251", "чай"), ("東京のお茶", "cp932", "牛乳パック"), ("Müller à côté", "cp1252", "Über")],
)
def test_words_of_one_script_show_their_code_page(tmp_path: Path, word: str, encoding: str, other: str) -> None:
    rows = "".join(f"{n},{word},{other} {n}\n" for n in range(30))
    proposal = proposed(tmp_path, {"a.csv": f"id,b,c\n{rows}".encode(encoding)})
    assert proposal.form.encoding == encoding
    assert any(sentence.startswith("encoding:") for sentence in proposal.unsure)


def test_a_key_is_what_is_called_so_before_what_is_unique_by_chance(tmp_path: Path) -> None:
    lines = "".join(f"{n // 3},{n % 3},{n * 7919 % 10007}.5\n" for n in range(90))
    proposal = proposed(tmp_path / "a", {"a.csv": f"order_no,line_no,weight\n{lines}".encode()})
    assert proposal.identity.key == ("order_no", "line_no")
    lines = "".join(f"{n % 9},{n * 7919 % 10007}.5\n" for n in range(90))
    chance = proposed(tmp_path / "b", {"a.csv": f"size,weight\n{lines}".encode()})
    assert chance.identity.key == ("weight",)
    assert any("it may be by chance" in sentence for sentence in chance.unsure)


def test_snapshots_are_seen_though_a_measure_never_repeats(tmp_path: Path) -> None:
    files = {
        f"s_2024-01-0{day}.csv": "id,name,weight\n" + "".join(f"{n},x{n % 9},{day}{n}.25\n" for n in range(10, 60))
        for day in (1, 2, 3)
    }
    identity = proposed(tmp_path, {name: text.encode() for name, text in files.items()}).identity
    assert (identity.key, identity.load) == (("id",), "snapshot")


def test_day_and_month_that_cannot_be_told_apart_are_said(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, {"a.csv": b"id,day\n1,01/02/2024\n2,03/04/2024\n"})
    [doubt] = [sentence for sentence in proposal.unsure if sentence.startswith("day:")]
    assert "%d/%m/%Y was taken, and %m/%d/%Y fits as well" in doubt
    sure = proposed(tmp_path, {"a.csv": b"id,day\n1,01/02/2024\n2,03/14/2024\n"})
    assert sure.columns[1].type.spelling.dates == ("%m/%d/%Y",)
    assert not [sentence for sentence in sure.unsure if sentence.startswith("day:")]


def test_values_that_are_nearly_all_numbers_are_a_text_and_told(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n * 2}\n" for n in range(100)) + "100,about 5\n"
    proposal = proposed(tmp_path, {"a.csv": f"id,weight\n{rows}".encode()})
    assert proposal.columns[1].type.kind == "text"
    assert any("1 are not, such as 'about 5'; it is a text" in sentence for sentence in proposal.unsure)


def test_a_number_with_two_meanings_is_told_and_the_other_columns_decide(tmp_path: Path) -> None:
    rows = "".join(f"{n};1.{n:03};{n},50\n" for n in range(100, 120))
    proposal = proposed(tmp_path, {"a.csv": f"id;pieces;price\n{rows}".encode()})
    assert [column.type.sql for column in proposal.columns] == ["bigint", "decimal(12,3)", "decimal(12,2)"]
    assert any("pieces: 20 values may be two numbers" in sentence for sentence in proposal.unsure)


@pytest.mark.parametrize(
    ("files", "identity"),
    [
        ({"a.csv": b"x,y\n1,1\n1,2\n2,1\n"}, (("x", "y"), "events", "", "")),
        ({"a.csv": b"x,y\n1,1\n1,1\n"}, ((), "events", "", "")),
        (
            {f"s_2024-01-0{day}.csv": f"id,n\n1,{day}\n2,7\n".encode() for day in (1, 2, 3)},
            (("id",), "snapshot", "", "s_%Y-%m-%d.csv"),
        ),
        (
            {f"s_2024010{day}.csv": f"id,n\n{day},1\n{day + 1},7\n{day + 5},7\n".encode() for day in (1, 2, 3)},
            (("id", "n"), "events", "", ""),
        ),
        (
            {f"{n}.csv": f"id,at\n1,2024-01-01 10:00:0{n}\n2,2024-01-01 10:00:0{n}\n".encode() for n in (1, 2)},
            (("id", "at"), "events", "", ""),
        ),
    ],
)
def test_what_tells_records_apart_is_proved_on_all_of_them(
    tmp_path: Path, files: dict[str, bytes], identity: tuple[object, ...]
) -> None:
    proof = proposed(tmp_path / "files", files).identity
    assert (proof.key, proof.load, proof.newest_by, proof.file_date) == identity


def test_json_lines_and_what_some_leave_out(tmp_path: Path) -> None:
    records = [{"id": n, "at": f"2024-01-01T10:00:{n:02}Z", "who": {"mail": "a@b.org"}} for n in range(50)]
    files = {
        "a.jsonl": "".join(json.dumps(record) + "\n" for record in records).encode(),
        "b.jsonl": b'{"id": 99, "at": "2024-01-02T10:00:00Z", "who": null, "extra": 1.5}\n',
    }
    proposal = proposed(tmp_path / "files", files)
    kinds = {column.name: column.type.kind for column in proposal.columns}
    assert kinds == {"id": "integer", "at": "timestamptz", "who_mail": "text", "extra": "decimal"}
    source = load(tmp_path, proposal, files)
    assert source.sql(f"select count(*), sum(extra) from {source.table}") == [(51, Decimal("1.5"))]


@pytest.mark.parametrize(
    ("document", "records"),
    [
        (lambda r: r, ""),
        (lambda r: {"meta": {"tags": [{"a": 1}]}, "data": {"items": r}}, "/data/items"),
        (lambda r: r[0], ""),
    ],
)
def test_json_documents(tmp_path: Path, document: Callable[[Any], Any], records: str) -> None:
    rows = [{"id": n, "price": n / 4, "who": {"mail": "a@b.org"}} for n in range(50)]
    files = {"a.json": json.dumps(document(rows), indent=1).encode()}
    proposal = proposed(tmp_path / "files", files)
    assert proposal.form.records == records
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    assert source.sql(f"select count(*) from {source.table}") == [(proposal.records,)]


def test_a_sheet_with_its_header_in_row_four(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["Stock"], ["as of", date(2024, 5, 31)], [], ["SKU", "Count", "Counted on", "Price (€)"]]:
        book.active.append(row)
    for n in range(40):
        book.active.append([f"{n:05}", n * 3, date(2024, 5, 1 + n % 30), n / 4])
    book.active.append(["Total", 2340])
    out = io.BytesIO()
    book.save(out)
    files = {"a.xlsx": out.getvalue()}
    proposal = proposed(tmp_path / "files", files)
    assert proposal.form.form == {"type": "csv", "sheet": "", "preamble": 3, "footer": "^Total,"}
    assert [column.type.sql for column in proposal.columns] == ["varchar", "bigint", "date", "decimal(12,2)"]
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    assert source.sql(f"select count(*) from {source.table}") == [(40,)]


def avro(records: list[dict[str, Any]], **fields: Any) -> bytes:
    out = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": name, "type": kind} for name, kind in fields.items()]}
    fastavro.writer(out, schema, records)
    return out.getvalue()


def test_avro_says_the_types_itself(tmp_path: Path) -> None:
    at = {"type": "long", "logicalType": "timestamp-micros"}
    nanos = {"type": "long", "logicalType": "timestamp-nanos"}
    price = {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4}
    fields = {
        "id": "long", "code": "string", "price": ["null", price], "at": at, "exact": nanos, "weight": "double",
        "tags": {"type": "array", "items": "string"}, "either": ["long", "string"],
    }  # fmt: skip
    rows = [
        {
            "id": n, "code": f"{n:05}", "price": Decimal("1.5000") if n else None, "weight": float("nan"),
            "tags": ["a"], "at": datetime(2024, 1, 1, 10, n % 60), "exact": n, "either": n,
        }
        for n in range(50)
    ]  # fmt: skip
    files = {"a.avro": avro(rows, **fields), "b.avro": avro([], **fields)}
    proposal = proposed(tmp_path / "files", files)
    assert {column.name: column.type.sql for column in proposal.columns} == {
        "id": "bigint", "code": "varchar", "price": "decimal(20,4)", "at": "timestamp with time zone",
        "exact": "varchar", "weight": "double", "tags": "varchar", "either": "bigint",
    }  # fmt: skip
    assert any("exact: 49 of its moments are no timestamp with time zone exactly" in doubt for doubt in proposal.unsure)
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    assert source.sql(f"select count(*), count(weight) from {source.table}") == [(50, 50)]


ITEM = '<item id="{n}"><name>n{n}</name><price cur="EUR">{n}.25</price>{tags}</item>'


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("<c><made>x</made>{items}</c>", "/c/item"),
        ('<o:c xmlns:o="urn:o"><o:head/><o:rows>{items}</o:rows></o:c>', "/c/rows/item"),
        ('<c><group k="1">{items}</group><group k="2"/></c>', "/c/group"),
        ("<c><one><a>1</a></one></c>", "/c"),
        ("<c><v>1</v><v>2</v></c>", "/c/v"),
        ("<c><a>1</a><v>1</v><v>2</v></c>", "/c"),
    ],
    ids=["beside others", "in a namespace", "in groups", "one", "values", "values of one"],
)
def test_xml_has_its_records_where_elements_repeat(tmp_path: Path, document: str, path: str) -> None:
    items = "".join(ITEM.format(n=n, tags="<tag>a</tag><tag>b</tag>" * (n % 3)) for n in range(40))
    text = document.format(items=items)
    files = {"a.xml": text.encode(), "b.xml": f"{text}<!-- sent again -->".encode()}
    proposal = proposed(tmp_path / "files", files)
    assert proposal.form.elements == path
    assert f'format: {{type: xml, records: "{path}"}}' in proposal.yml
    assert any(f"records: {path} was taken" in doubt for doubt in proposal.unsure)
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    assert source.sql(f"select count(*) from {source.table}") == [(proposal.records,)]
    if path == "/c/item":
        kinds = {column.name: column.type.kind for column in proposal.columns}
        assert kinds == {"@id": "integer", "name": "text", "price": "decimal", "price@cur": "text", "tag": "list"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, so it shows nothing"),
        (b"[{]", "looks like JSON and is none"),
        (b"PK\x03\x04", "cannot be opened as a zip archive, it is none or damaged"),
        (b"\xd0\xcf\x11\xe0", "looks like a spreadsheet and cannot be read as a spreadsheet"),
        (b"<!DOCTYPE html><p>", "HTML, which no contract can say"),
        (b"<a>", "no well-formed XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "defines entities or defaults"),
        (b"Obj\x01", "breaks off in its header"),
        (b"a;b;c\n" + b"1;2\n1;2;3\n1\n1;2;3;4\n1;2;3\n1;2;3;4;5\n" * 9, "no delimiter gives records of one width"),
    ],
)
def test_what_no_contract_can_say_is_told_with_what_to_do(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(Undescribable, match=message):
        proposed(tmp_path, {"a.txt": content})


def test_a_document_too_long_to_look_through_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.describing.json_shape._PIECES", 2)
    document = b'[\n{"id": 1}' + b',\n{"id": 2}' * 20_000 + b"\n]"
    with pytest.raises(Undescribable, match="one JSON document of more than 0 MiB"):
        proposed(tmp_path, {"a.json": document})


ROWS = "".join(f"{n};{n % 7};x\n" for n in range(60))


@pytest.mark.parametrize(
    ("files", "form"),
    [
        (["Report\nof May\n\nid;b;c\n" + ROWS], {"preamble": 3}),
        (["Report;;\nof May;2024;\n;;\nid;b;c\n" + ROWS], {"preamble": 3}),
        (["Report\n\nid;b;c\n" + ROWS, "id;b;c\n" + ROWS.replace("\n", "9\n")], {"preamble": "^id;b;c"}),
        (["id;b;c\n" + ROWS + "Total;7;\n"], {"footer": "^Total;"}),
        (["id;b;c\n" + ROWS + "\nend of file\n"], {"footer": "^end\\ of\\ file"}),
        (["# made by x\nid;b;c\n" + ROWS + "# end\n"], {"comment": "#"}),
        (["id;b;c\n" + ROWS], {}),
        (["id;b;c\n" + ROWS + "Summit Hotel;3;x\n"], {}),
        (["id;b;c\n" + ROWS + "County Down;3;x\n"], {}),
        (["id;b;c\n" + ROWS + "Total Wine;3;x\n"], {}),
        (["id;b;c\n" + ROWS + "Totally;7;\n" + ROWS.replace("\n", "8\n")], {}),
    ],
)
def test_lines_that_are_no_records_are_told(tmp_path: Path, files: list[str], form: dict[str, Any]) -> None:
    contents = {f"{at}.csv": text.encode() for at, text in enumerate(files)}
    proposal = proposed(tmp_path / "files", contents)
    assert proposal.form.form == {"type": "csv", "delimiter": ";", **form}
    assert all(any(sentence.startswith(f"{key}:") for sentence in proposal.unsure) for key in form)
    source = load(tmp_path, proposal, contents)
    assert source.malformed() == []
    records = sum(text.count("\n") for text in files)
    assert source.sql(f"select count(*) from {source.table}")[0][0] == proposal.records <= records


def test_files_of_two_encodings_are_no_source(tmp_path: Path) -> None:
    late = b"id,name\n" + b"1,tea\n" * 300_000 + "2,\u0141\n".encode("iso8859-2")  # a byte that cp1252 has as well
    plain, german = b"id,name\n1,tea\n2,milk\n", "id,name\n1,M\u00fcller\n2,milk\n"
    files = {"a.csv": plain, "b.csv": german.encode("latin-1"), "c.csv": late}
    assert proposed(tmp_path / "one", files).form.encoding == "cp1252"
    undefined = {**files, "d.csv": plain.replace(b"milk", b"\x81")}
    assert proposed(tmp_path / "two", undefined).form.encoding == "latin-1"
    with pytest.raises(Undescribable, match=r"d\.csv is UTF-8 and b\.csv is not"):
        proposed(tmp_path / "three", {**files, "d.csv": german.encode()})


def test_zeros_before_digits_are_kept_however_few_there_are(tmp_path: Path) -> None:
    rows = "".join(f"{n}\n" for n in range(10_000, 30_000)) + "01067\n00501\n"
    proposal = proposed(tmp_path, {"a.csv": f"code,x\n{rows.replace(chr(10), ',1' + chr(10))}".encode()})
    assert proposal.columns[0].type.kind == "text"


def test_a_key_is_proved_on_the_values_as_they_are_typed(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, {"a.csv": b"id,x\n1,a\n1.0,a\n2,b\n"})
    assert (proposal.columns[0].type.kind, proposal.identity.key) == ("integer", ())


def test_names_are_cleaned_by_one_rule() -> None:
    names = ["Beleg-Nr", "Größe (cm)", "customerID", "2nd", "a b", "A_B", "é", "%", "straße"]
    assert list(clean_names(names).values()) == [
        "beleg_nr", "groesse_cm", "customer_id", "n_2nd", "a_b", "a_b_2", "e", "column", "strasse",
    ]  # fmt: skip


def test_columns_about_people_are_marked(tmp_path: Path) -> None:
    rows = "".join(f"{n},u{n}@example.org,DE89370400440532013000,x{n}\n" for n in range(20))
    proposal = proposed(tmp_path, {"a.csv": f"id,contact,account,other\n{rows}".encode()})
    model = yaml.safe_load(proposal.yml)["models"][0]
    assert [c["name"] for c in model["columns"] if c.get("config", {}).get("meta", {}).get("personal")] == [
        "contact",
        "account",
    ]


def parted(folder: Path, files: dict[str, bytes]) -> Proposal:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    return proposed(folder, files)


def test_folders_of_hive_are_columns_and_a_key_where_records_have_none(tmp_path: Path) -> None:
    files = {
        f"region={region}/day=2024-01-0{day}/part-0.csv": f"line,amount\n1,{day}.5\n2,7\n".encode()
        for region in ("NA", "New%20York")
        for day in (1, 2)
    }
    proposal = parted(tmp_path / "files", files)
    assert set(proposal.identity.key) == {"line", "region", "day"}
    assert 'files: "sales/region={region}/day={day}/*.csv"' in proposal.yml
    assert {c.name: c.type.kind for c in proposal.columns} == {
        "line": "integer",
        "amount": "decimal",
        "region": "text",
        "day": "date",
    }
    source = load(tmp_path, proposal, files)
    assert set(source.files().values()) == {"loaded"}
    rows = source.sql(f"select distinct region, day::varchar from {source.table} order by all")
    assert rows[0] == ("NA", "2024-01-01")
    assert rows[-1] == ("New York", "2024-01-02")


def test_a_folder_that_says_what_records_say_is_left_to_them(tmp_path: Path) -> None:
    proposal = parted(tmp_path, {f"day={day}/x.csv": f"id,day\n{day},{day}\n".encode() for day in (1, 2)})
    assert 'files: "sales/day=*/*.csv"' in proposal.yml
    assert "day: stands in folders and in records, and was taken from the records" in proposal.unsure


@pytest.mark.parametrize("line", ["line", "line_no"])
def test_lines_that_each_day_numbers_anew_have_its_date_in_their_key(tmp_path: Path, line: str) -> None:
    rng = random.Random(1)  # noqa: S311
    files = {
        f"till_2024-01-{day:02}.csv": (
            f"{line},article,amount\n"
            + "".join(f"{n},{rng.choice('abcdefgh')},{rng.randrange(50)}\n" for n in range(1, 20))
            + "20,a,1\n20,a,2\n21,b,1\n"[: 6 * (day % 2)]
        ).encode()
        for day in range(1, 6)
    }
    proposal = proposed(tmp_path / "files", files)
    assert proposal.identity.key == ("file_date", line)
    assert "{name: file_date" not in proposal.yml
    assert "config: {meta: {from: _file_date}}" in proposal.yml
    assert any("the date in the files' names was added as file_date" in sentence for sentence in proposal.unsure)
    source = load(tmp_path, proposal, files)
    assert set(source.files().values()) == {"loaded"}
    assert source.sql(f"select count(distinct file_date) from {source.table}") == [(5,)]


def nested(n: int) -> dict[str, Any]:
    return {
        "_id": f"x{n:03}",
        "id": n,
        "who": {"Full Name": "A/B", "geo": {"lat": n / 4} if n % 3 else None, "tags": []},
        "keys": {f"k{n}{k}": k for k in range(3)},
        "mixed": {"a": 1} if n % 2 else "text",
        "lines": [{"sku": f"s{k}", "cost": {"price": k / 4}, "id": k} for k in range(n % 4)],
        "tags": ["a", "b"][: n % 3],
        "": {"": n},
    }


LINES = "".join(json.dumps(nested(n)) + "\n" for n in range(60)).encode()
OTHER = b'{"id": 99, "_id": "x999", "who": {"geo": {"lon": 1}}, "lines": null, "Id": 7}\n'


def test_objects_of_one_shape_are_columns_and_others_json(tmp_path: Path) -> None:
    files = {"a.jsonl": LINES, "b.jsonl": OTHER}
    proposal = proposed(tmp_path / "files", files)
    assert proposal.places == {
        "id_3": "/_id", "who_full_name": "/who/Full Name", "who_geo_lat": "/who/geo/lat", "who_tags": "/who/tags",
        "column": "//", "who_geo_lon": "/who/geo/lon", "id_2": "/Id",
    }  # fmt: skip
    kinds = {column.name: column.type.kind for column in proposal.columns}
    assert (kinds["keys"], kinds["mixed"], kinds["column"]) == ("text", "text", "integer")
    assert proposal.lists == {"who_tags": "/who/tags", "lines": "/lines", "tags": "/tags"}
    assert proposal.children["who_tags"] == "assay source new sales_who_tags FILE… --each /who/tags --of sales"
    source = load(tmp_path, proposal, files)
    assert source.malformed() == []
    assert source.sql(f"select count(*), sum(who_geo_lon), count(_rescued) from {source.table}") == [(61, 1, 0)]


@pytest.mark.slow
@pytest.mark.parametrize("has_parent", [True, False])
def test_elements_of_a_list_have_the_key_of_their_record(tmp_path: Path, *, has_parent: bool) -> None:
    files = {"a.jsonl": LINES, "b.jsonl": OTHER}
    parent = load(tmp_path, proposed(tmp_path / "files", files), files).contract if has_parent else None
    paths = [tmp_path / "files" / name for name in files]
    (tmp_path / "files").mkdir(exist_ok=True)
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    proposal = proposed_for(paths, Child("/lines", parent))
    [owner] = set(proposal.identity.key) - {"position"}
    assert proposal.places == {owner: "^/_id", "position": "#", "cost_price": "/cost/price"}
    model = yaml.safe_load(proposal.yml)["models"][0]["config"]["meta"]["contract"]
    assert (model["format"], model.get("shares_with")) == (
        {"type": "jsonl", "each": "/lines"},
        ["sales"] if has_parent else None,
    )
    (tmp_path / "child").mkdir()
    source = load(tmp_path / "child", proposal, files)
    assert source.malformed() == []
    assert source.sql(f"select count(*), sum(cost_price) from {source.table}") == [(90, Decimal("15.00"))]


@pytest.mark.slow
def test_a_list_of_values_is_a_column_and_one_that_is_nowhere_is_told(tmp_path: Path) -> None:
    proposed(tmp_path, {"a.jsonl": LINES})
    proposal = proposed_for([tmp_path / "a.jsonl"], Child("/tags"))
    assert proposal.places["value"] == ""
    with pytest.raises(Undescribable, match="no record of the files has a list with elements at /nothing"):
        proposed_for([tmp_path / "a.jsonl"], Child("/nothing"))


@pytest.mark.parametrize(
    ("each", "content", "reason"),
    [
        ("lines", '{"a": 1}\n', "'lines' is no JSON pointer"),
        ("", '{"a": 1}\n', "'' is the whole record"),
        ("/lines", "a,b\n1,2\n", "--each is a list in records of JSON, and the files are csv"),
    ],
)
def test_what_has_no_elements_is_told_before_it_is_read(tmp_path: Path, each: str, content: str, reason: str) -> None:
    (tmp_path / "a").write_text(content)
    with pytest.raises(UserError, match=reason):
        proposed_for([tmp_path / "a"], Child(each))


def test_structs_of_parquet_are_columns(tmp_path: Path) -> None:
    kind = pa.struct([("Full Name", pa.string()), ("geo", pa.struct([("lat", pa.decimal128(9, 3))]))])
    values = pa.array([{"Full Name": "A", "geo": {"lat": Decimal("1.5")}}, None], kind)
    pq.write_table(pa.table({"id": [1, 2], "who": values, "tags": [["a"], None]}), tmp_path / "made")
    files = {"a.parquet": (tmp_path / "made").read_bytes()}
    proposal = proposed(tmp_path / "files", files)
    assert proposal.places == {"who_full_name": "/who/Full Name", "who_geo_lat": "/who/geo/lat"}
    source = load(tmp_path, proposal, files)
    assert source.sql(f"select * exclude (_file_id, _load_id, _loaded_at) from {source.table} order by id") == [
        (1, "A", Decimal("1.500"), ["a"], None, None),
        (2, None, None, None, None, None),
    ]


NAMES = ("tea", "two words", "a b c", "x", "soap", "ice cream", "olive oil")
PLACED = "".join(f"{n:6} {NAMES[n % 7]:<12}{n / 4:9.2f} 2024-01-{n % 28 + 1:02}\n" for n in range(1, 60))
RUNS = "".join(f"{n:>6}  w{n}   {n / 4}\n" for n in range(1, 60))
PEOPLE = "".join(f"{first} {last}\n" for first in ("Jo", "Maria", "Al") for last in ("Smith", "Ng", "van Dyk"))


@pytest.mark.parametrize(
    ("text", "form", "count"),
    [
        (PLACED, {"widths": (-4, 2, -1, 9, -7, 5, -1, 10), "header": False}, 59),
        (
            f"{'id':>6} {'name':<12}{'price':>9} {'day':<10}\n" + PLACED,
            {"widths": (-4, 2, -1, 9, -7, 5, -1, 10)},
            59,
        ),
        ("id name  price\n" + RUNS, {"delimiter": "blanks"}, 59),
        (RUNS, {"delimiter": "blanks", "header": False}, 59),
        ("full name\n" + PEOPLE * 3, {"widths": (), "delimiter": ","}, 27),
        ("note\nsome words of prose\nand others that\nfollow them\nend\n" * 9, {"widths": (), "delimiter": ","}, 44),
    ],
    ids=["places", "places with names", "runs", "runs without names", "two words", "prose"],
)
def test_files_without_a_delimiter(tmp_path: Path, text: str, form: dict[str, Any], count: int) -> None:
    proposal = proposed(tmp_path / "files", {"a.txt": text.encode()})
    shown = {key: getattr(proposal.form, key) for key in form}
    assert shown == form
    doubts = [sentence for sentence in proposal.unsure if sentence.startswith(("widths:", "delimiter:"))]
    assert bool(doubts) == bool(proposal.form.widths or proposal.form.delimiter == "blanks")
    source = load(tmp_path, proposal, {"a.txt": text.encode()})
    assert source.malformed() == []
    assert source.sql(f"select count(*) from {source.table}") == [(count,)]


def test_a_value_that_is_wider_in_another_file_is_not_cut(tmp_path: Path) -> None:
    proposal = proposed(tmp_path / "files", {"a.txt": PLACED.encode()})
    wider = "123456 tea             1.00 2024-01-01\n    77 tea       12345.00 2024-01-01\n"
    source = load(tmp_path, proposal, {"a.txt": PLACED.encode(), "b.txt": wider.encode()})
    assert [raw for _, raw, _ in source.malformed()] == wider.splitlines()


@pytest.mark.slow  # forty-five patterns in a language each
@pytest.mark.parametrize(
    ("locale", "pattern"),
    [("de", "%-d. %B %Y"), ("fr", "%-d %B %Y"), ("es", "%-d de %B de %Y"), ("ru", "%-d %B %Y"), ("cs", "%-d. %B %Y")],
)
def test_months_of_other_languages(tmp_path: Path, locale: str, pattern: str) -> None:
    days = [date(2023, 1, 1) + timedelta(days=17 * n) for n in range(40)]
    written = Pattern(pattern, locale)
    text = "id,day\n" + "".join(f"{n},{written.write(datetime(d.year, d.month, d.day))}\n" for n, d in enumerate(days))
    proposal = proposed(tmp_path / "files", {"a.csv": text.encode()})
    assert proposal.columns[1].type.spelling == Spelling(dates=(pattern,), locale=locale)
    source = load(tmp_path, proposal, {"a.csv": text.encode()})
    assert [day for _, day in source.rows("id", "day")] == days
