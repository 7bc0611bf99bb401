"""Records of JSON with values inside others as flat ones, whatever their names are."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from assay.contract.format import Format
from assay.contract.pointer import pointer_keys, pointer_of
from assay.text.nested import flat_records
from assay.text.record import MAX_JSON_LINE, Record

HOSTILE = [
    "a.b", "a/b", "a~b", "~1", "~01", 'q"u', "it's", "", " ", "naïve ☃ 😀", "$", "*", "[0]", "new\nline", "back\\slash",
    "_", "\u0000", "\u007f",
]  # fmt: skip


def flat(text: str, *places: tuple[str, str]) -> Record:
    [record] = flat_records([Record(1, text.encode(), None)], Format("jsonl", places=places))
    return record


def told(text: str, *places: tuple[str, str]) -> Any:
    record = flat(text, *places)
    assert record.problem is None
    assert record.clean is not None
    return json.loads(record.clean)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_name_can_be_pointed_at(name: str) -> None:
    pointer = pointer_of(name)
    record = {"id": 1, name: {name: name, "x": name}, "inner": "other"}
    assert told(json.dumps(record), ("inner", pointer * 2), ("outer", f"{pointer}/y")) == {
        "inner": name,
        "outer": None,
        "_": {"id": 1, name: {"x": name}, "inner": "other"},
    }


def test_pointers_and_names_are_inverse() -> None:
    rng = random.Random(1)  # noqa: S311
    for _ in range(200):
        keys = tuple("".join(rng.choice("~/01a") for _ in range(rng.randrange(5))) for _ in range(rng.randrange(4)))
        assert pointer_keys(pointer_of(*keys)) == keys


def test_all_bad_places_are_told_once() -> None:
    record = flat('{"a": 1, "b": []}', ("x", "/a/x"), ("y", "/a/y"), ("z", "/b/0"))
    assert record.problem == "/a is not an object but a number; /b is not an object but an array"


def test_numbers_and_texts_stay_as_they_are_written() -> None:
    text = (
        '{"a":{"n":-0.10,"e":1E400,"s":"\\u0001 9\\ud83d\\ude00","i":123456789012345678901234567890},"z":[1.0,"1.0"]}'
    )
    rest = '{"a":{"e":1E400,"s":"\\u0001 9😀","i":123456789012345678901234567890},"z":[1.0,"1.0"]}'
    assert flat(text, ("n", "/a/n")).clean == f'{{"n":-0.10,"_":{rest}}}'.encode()


def test_an_object_of_an_element_and_a_value_of_it_are_both_columns() -> None:
    form = Format("jsonl", each="/l", places=(("b", "/a/b"), ("a", "/a")))
    [record] = flat_records([Record(1, b'{"l":[{"a":{"b":1,"c":2.0}}]}', None)], form)
    assert record.clean == b'{"b":1,"a":{"b":1,"c":2.0}}'


def test_a_record_that_becomes_too_long_is_malformed() -> None:
    text = json.dumps({"a": "x" * (MAX_JSON_LINE - 10)})
    record = flat(text, ("a", "/a"), ("some_other_name", "/b/c"))
    assert (record.clean, record.problem) == (None, "longer than 16,777,216 bytes; only its beginning is kept here")


def values(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.6:
        return {rng.choice("abc"): values(rng, depth - 1) for _ in range(rng.randrange(4))}
    return rng.choice([1, -2.5, "", "x", True, None, [], [{"a": 1}]])


def test_nothing_is_lost_whatever_is_pointed_at() -> None:
    """What columns hold, put back into the rest, is the record; but for nulls, and objects that only they filled."""
    rng = random.Random(4)  # noqa: S311
    for _ in range(400):
        whole = {name: values(rng, 3) for name in "abc"}
        ways = [tuple(rng.choice("abc") for _ in range(rng.randrange(1, 4))) for _ in range(rng.randrange(1, 4))]
        record = flat(json.dumps(whole), *((f"c{at}", pointer_of(*way)) for at, way in enumerate(ways)))
        if record.clean is None:
            continue
        columns = json.loads(record.clean)
        rest = columns.pop("_", {})
        for at, way in enumerate(ways):
            put(rest, way, columns[f"c{at}"])
        assert without_nulls(rest) == without_nulls(whole)


def put(whole: dict[str, Any], way: tuple[str, ...], value: Any) -> None:
    if value is None:
        return
    for key in way[:-1]:
        whole = whole.setdefault(key, {})
    inner = whole.get(way[-1])
    whole[way[-1]] = {**value, **inner} if isinstance(inner, dict) else value


def without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    items = {key: without_nulls(item) for key, item in value.items()}
    return {key: item for key, item in items.items() if item is not None} or (None if items else {})


def test_other_names_that_stand_for_columns_are_told_where_they_have_a_value() -> None:
    form = Format("jsonl", places=(("x", "/a/x"), ("y", "/b/x")), aliases=(("x", ("old", "other")), ("y", ("old",))))
    texts = ['{"a":{"old":1},"b":{"x":2}}', '{"a":{"x":1,"old":null},"b":{"old":2}}', '{"a":{"old":1,"other":2}}']
    records = list(flat_records([Record(1, text.encode(), None) for text in texts], form))
    assert [record.aliases for record in records] == [(("x", "old"),), (("y", "old"),), ()]
    assert records[2].problem is not None


def test_other_names_around_elements_are_told_of_each() -> None:
    form = Format("jsonl", each="/l", places=(("id", "^/id"), ("x", "/x")), aliases=(("id", ("no",)), ("x", ("old",))))
    text = b'{"no":7,"l":[{"x":1},{"old":2},{}]}'
    assert [record.aliases for record in flat_records([Record(1, text, None)], form)] == [
        (("id", "no"),),
        (("id", "no"), ("x", "old")),
        (("id", "no"),),
    ]
