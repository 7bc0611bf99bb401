"""JSON documents with an array of records in them, read as JSON lines are."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.text import json_documents
from assay.text.json_documents import json_lines
from assay.text.stream import Unreadable
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "decimal(9,2)"}
RECORDS = [{"id": 1, "name": 'tea \u00e9 "x" [1]', "price": 2.5}, {"id": 2, "name": None, "extra": {"a": [1, "}"]}}]


def load(make: Make, text: str | bytes, records: str = "", **more: Any) -> Source:
    source = make(COLUMNS, format={"type": "json", "records": records}, optional=["name", "price"], **more)
    source.put("a.json", text)
    source.run()
    return source


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("records", "wrap"),
    [
        ("", lambda r: r),
        (
            "/data/items",
            lambda r: {"n": 2, "x": [[{"items": 1}], "data"], "data": {"a": {"items": [7]}, "items": r}, "z": []},
        ),
        ("/a~1b/c~0d", lambda r: {"a/b": {"c~d": r}}),
    ],
)
def test_each_element_is_a_record(make: Make, records: str, wrap: Callable[[Any], Any], indent: int | None) -> None:
    source = load(make, json.dumps(wrap(RECORDS), indent=indent), records)
    assert source.rows() == [(1, 'tea \u00e9 "x" [1]', Decimal("2.50")), (2, None, None)]
    assert [rest for rest in source.rescued() if rest] == [{"extra": {"a": [1, "}"]}}]
    source.assert_conserved()


def test_one_object_is_one_record(make: Make) -> None:
    assert load(make, json.dumps({"data": RECORDS[0]}, indent=1), "/data").rows("id") == [(1,)]


def test_digits_and_compression_stay(make: Make) -> None:
    source = load(make, gzip.compress(b'[{"id": 9007199254740993, "price": 1.10}]'))
    assert source.rows("id", "price") == [(9007199254740993, Decimal("1.10"))]


def test_elements_that_are_no_records_are_malformed_with_their_place(make: Make) -> None:
    source = load(make, '[{"id": 1}, 7, [{"id": 3}], {"id": "x"},\n {"id": 5, "id": 5}, {"id": 6}]')
    assert source.rows("id") == [(1,), (6,)]
    assert [(line, raw) for line, raw, _ in source.malformed()] == [
        (2, "7"),
        (3, '[{"id":3}]'),
        (4, '{"id":"x"}'),
        (5, '{"id":5,"id":5}'),
    ]
    source.assert_conserved()


@pytest.mark.parametrize(
    ("text", "records", "reason"),
    [
        ('[{"id": 1}', "", "breaks off"),
        ('[{"id": "1', "", "breaks off in a string"),
        ('{"data": [{"id": 1}}', "/data", "brackets of the JSON document do not match"),
        ('{"data": [{"id": 1}]}', "/items", "nothing stands at /items"),
        ('{"d": [{"id": 1}], "d": [{"id": 2}]}', "/d", "stands twice"),
        ('[{"id": 1}] [{"id": 2}]', "", "text after the end"),
        ("   ", "", "breaks off"),
        ('[{"id": 1},, {"id": 2}]', "", "where a value has to be"),
        ('[{"id": 1}, ]', "", "where a value has to be"),
        ('{"d": [{"id": 1}] "x": 1}', "/d", "no comma between them"),
    ],
)
def test_a_document_that_is_none_is_refused(make: Make, text: str, records: str, reason: str) -> None:
    source = load(make, text, records)
    assert source.files() == {"a.json": "refused"}
    assert reason in source.reason("a.json")


def test_two_values_without_a_comma_do_not_become_one(make: Make) -> None:
    source = load(make, '[{"id": 1 2}, {"id": - 5}, {"id": 7, "name": tr ue}, {"id": 3}]')
    assert source.rows("id") == [(3,)]
    assert [line for line, _, _ in source.malformed()] == [1, 2, 3]


def test_long_strings_are_not_looked_through_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    whole = json_documents._whole

    def counted(text: bytes, *, is_last: bool) -> tuple[bytes, list[bytes]]:
        looked.append(len(text))
        return whole(text, is_last=is_last)

    monkeypatch.setattr(json_documents, "_whole", counted)
    text = b'[{"a": "' + b"x" * (8 << 20) + b'"}]'
    pieces = [text[at : at + 65536] for at in range(0, len(text), 65536)]
    assert len(b"".join(json_lines(pieces, ""))) == (8 << 20) + 9
    assert sum(looked) < 4 * len(text)


def test_an_empty_array_is_a_file_without_records(make: Make) -> None:
    assert load(make, "[]").files() == {"a.json": "loaded"}


def test_a_pointer_is_one(make: Make) -> None:
    with pytest.raises(ContractError, match="records 'data' is no JSON pointer"):
        _ = make(COLUMNS, format={"type": "json", "records": "data"}).contract


def values(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.5:
        items = [values(rng, depth - 1) for _ in range(rng.randrange(4))]
        return items if rng.random() < 0.5 else {f'k"{n}\\]': item for n, item in enumerate(items)}
    return rng.choice([1, -2.5e-7, "", 'a"b', "[{", "\\", "\n", "\u20ac", True, None])


def test_records_are_the_same_however_the_document_is_cut_and_indented() -> None:
    rng = random.Random(3)  # noqa: S311
    for _ in range(60):
        records = [values(rng, 4) for _ in range(rng.randrange(6))]
        document = {"x": values(rng, 3), "at": {"y": values(rng, 3), "here": records}, "z": values(rng, 3)}
        text = json.dumps(document, indent=rng.choice([None, 1]), ensure_ascii=rng.random() < 0.5).encode()
        cuts = sorted(rng.randrange(len(text)) for _ in range(rng.randrange(30)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        lines = b"".join(json_lines(pieces, "/at/here")).splitlines()
        assert [json.loads(line) for line in lines] == records


def test_a_line_end_in_a_string_is_no_json(make: Make) -> None:
    source = load(make, '[{"id": 1, "name": "a\nb"}, {"id": 2}]')
    assert source.rows("id") == [(2,)]
    assert len(source.malformed()) == 1
    with pytest.raises(Unreadable):
        list(json_lines([b"{"], ""))
