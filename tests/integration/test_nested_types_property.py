"""Nested types against plain columns: whatever holds a value, it is judged as one in a column of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.types import ColumnType, column_type
from tests.source import Source

Make = Callable[..., Source]
PLAIN = ["integer", "hugeint", "decimal(5,2)", "decimal(20,9)", "varchar", "boolean", "date", "double"]
PLAIN += ["timestamp with time zone"]
JSON_VALUES = [
    *(
        "0",
        "-1",
        "1.0",
        "1.5",
        "2.50",
        "999.99",
        "1000.00",
        "1e2",
        "1e400",
        "-0",
        "2147483648",
        "0.000000001",
        "1" * 39,
    ),
    *('""', '"x"', '"1"', '" 1"', '"0x10"', '"NaN"', '"a\\"b\\\\,:{[\\u00e9\\n"', '"2024-02-29"', '"2023-02-29"'),
    *(
        '"\\u0000x\\u0001\\u0002"',
        '"\\ud83d\\ude00"',
        '"2024-01-01T00:00:00Z"',
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1.0]",
        '{"a":1.10}',
        '{"v":null}',
    ),
]
NAMES = ["a", "b c", 'd"e', "f/g", "~", "key", "value", "v", "p", "select", "_", "ü"]
ODD_KEYS = ["1", "01", "", "x", "2024-02-29"]


class Case(NamedTuple):
    """A type, and records of it with what is expected: the value, or None of a malformed one."""

    kind: str
    records: list[tuple[Any, Any]]


class Bad(Exception):
    """A value cannot be held."""


def a_type(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice(PLAIN)
    shape = rng.choice(["struct", "struct", "list", "map", "plain"])
    inner = partial(a_type, rng, depth - 1)
    if shape == "struct":
        names = rng.sample(NAMES, rng.randint(1, 4))
        return f"struct({', '.join(f'{quote(name)} {inner()}' for name in names)})"
    if shape == "map":
        return f"map({rng.choice(['varchar', 'integer', 'date'])}, {inner()})"
    return f"{inner()}[]" if shape == "list" else inner()


def quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def a_value(rng: random.Random, kind: ColumnType, plain: Callable[[ColumnType], Any], is_wild: bool) -> Any:
    """A value as JSON has it, `plain` ones as their texts; a wild one may be anything anywhere."""
    if rng.random() < 0.06:
        return None
    if is_wild and rng.random() < 0.08:
        return plain(kind)
    inner = partial(a_value, rng, plain=plain, is_wild=is_wild)
    if kind.kind == "struct":
        return {name: inner(part) for name, part in kind.parts if rng.random() < 0.9}
    if kind.kind == "list":
        return [inner(kind.inner) for _ in range(rng.randint(0, 3))]
    if kind.kind == "map":
        keys = {"varchar": NAMES, "integer": ["1", "2", "-3"], "date": ["2024-02-29"]}[kind.parts[0][1].sql]
        keys = [*keys, *ODD_KEYS] if is_wild else keys
        return {key: inner(kind.inner) for key in rng.sample(keys, rng.randint(0, min(2, len(keys))))}
    return plain(kind)


class Lexeme(str):
    """A JSON text that stands for itself."""


def text_of(value: Any) -> str:
    if isinstance(value, Lexeme):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{text_of(part)}" for name, part in value.items())
            + "}"
        )
    return "[" + ",".join(map(text_of, value)) + "]" if isinstance(value, list) else "null"


def held(value: Any, kind: ColumnType, plain: Callable[[str, Any], Any]) -> Any:
    """What a value of a type has to become, with plain ones as columns of their own have them."""
    if value is None or value == "null":
        return None
    if not kind.is_nested:
        return plain(kind.sql, Lexeme(text_of(value)))
    if isinstance(value, Lexeme):
        value = json.loads(value, parse_float=Lexeme, parse_int=Lexeme) if value[0] in "{[" else value
        value = lexemes(value) if isinstance(value, dict | list) and not isinstance(value, Lexeme) else value
    if isinstance(value, Lexeme) or isinstance(value, list) != (kind.kind == "list"):
        raise Bad
    if kind.kind == "struct":
        return {name: held(value.get(name), part, plain) for name, part in kind.parts}
    if kind.kind == "list":
        return [held(part, kind.inner, plain) for part in value]
    keys = [plain(kind.parts[0][1].sql, Lexeme(json.dumps(key, ensure_ascii=False))) for key in value]
    if len(set(keys)) < len(keys):
        raise Bad
    return dict(zip(keys, (held(part, kind.inner, plain) for part in value.values()), strict=True))


def lexemes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: lexemes(part) for name, part in value.items()}
    if isinstance(value, list):
        return [lexemes(part) for part in value]
    return value if isinstance(value, Lexeme) else Lexeme(json.dumps(value))


class Columns:
    """What plain columns make of values of JSON."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._known: dict[tuple[str, str], Any] = {}

    def learn(self, values: set[str]) -> None:
        new = sorted(value for value in values if (PLAIN[0], value) not in self._known)
        for sql in PLAIN:
            source = self._make({"id": "bigint", "it": sql}, name=f"plain_{len(self._known)}", format={"type": "jsonl"})
            source.put("a.jsonl", "".join(f'{{"id": {at}, "it": {value}}}\n' for at, value in enumerate(new)))
            source.run()
            rows = dict(source.rows())
            self._known |= {(sql, value): rows.get(at, Bad) for at, value in enumerate(new)}

    def __call__(self, sql: str, value: str) -> Any:
        held = self._known[sql, value]
        if held is Bad:
            raise Bad
        return held


def texts_in(value: Any, kind: ColumnType) -> set[str]:
    """All texts that a plain column may have to judge."""
    keys = {json.dumps(key, ensure_ascii=False) for key in value} if isinstance(value, dict) else set()
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text_of(value)} | keys | {text for part in parts for text in texts_in(part, kind)}


def check_json(make: Make, seeds: range) -> None:
    cases, texts = [], set(JSON_VALUES)
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311
        kind = column_type(a_type(rng, rng.randint(1, 3)))
        kind = kind if kind.is_nested else column_type(f"{kind.declared}[]")
        pool = partial(lambda rng, _: Lexeme(rng.choice(JSON_VALUES)), rng)
        values = [a_value(rng, kind, pool, at % 2 == 1) for at in range(30)]
        texts |= {text for value in values for text in texts_in(value, kind)}
        cases.append((seed, kind, values))
    texts |= {text for value in JSON_VALUES for text in texts_in(lexemes_of(value), column_type("varchar"))}
    plain = Columns(make)
    plain.learn(texts)
    for seed, kind, values in cases:
        expected = {}
        for at, value in enumerate(values):
            try:
                expected[at] = held(value, kind, plain)
            except Bad:
                continue
        lines = [f'{{"id":{at},"it":{text_of(value)}}}' for at, value in enumerate(values)]
        assert_read_as(make, f"s{seed}", kind, lines, expected)


def lexemes_of(text: str) -> Any:
    return lexemes(json.loads(text, parse_float=Lexeme, parse_int=Lexeme))


def assert_read_as(make: Make, name: str, kind: ColumnType, lines: list[str], expected: dict[int, Any]) -> None:
    """All lines together go the careful way, the good ones alone go the fast way where they may."""
    source = make({"id": "bigint", "it": kind.declared}, name=name, format={"type": "jsonl"})
    source.put("all.jsonl", "\n".join(lines))
    source.run()
    assert same(dict(source.rows()), expected), (name, kind.declared)
    assert len(source.malformed()) == len(lines) - len(expected)
    source = make({"id": "bigint", "it": kind.declared}, name=f"{name}_good", format={"type": "jsonl"})
    source.put("good.jsonl", "\n".join(lines[at] for at in expected))
    source.run()
    assert same(dict(source.rows()), expected), (name, kind.declared)
    assert source.malformed() == []


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 6))
def test_json_holds_in_any_nested_type_what_columns_hold(make: Make, first: int) -> None:
    check_json(make, range(first, first + 6))


ARROW: dict[str, list[Any]] = {
    "int64": [0, 1, -1, 2**31, 2**53 + 1],
    "double": [0.5, 1.25, 1.255, float("nan"), float("inf"), 1e300, 3.0],
    "string": ["", "1", " 1", "1.255", "x", "2024-02-29", "true"],
    "decimal": [Decimal("1.2500"), Decimal("999999.9999"), Decimal("-3.0000")],
    "date": [date(2024, 2, 29), date(1, 1, 1)],
    "bool": [True, False],
}
ARROW_TYPES = {
    "int64": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "decimal": pa.decimal128(12, 4),
    "date": pa.date32(),
    "bool": pa.bool_(),
}


class Tree(NamedTuple):
    """A type of a contract beside one of a file: with a plain one its name, with others what is inside."""

    kind: str
    arrow: pa.DataType
    plain: str
    parts: dict[str, Tree]


def a_tree(rng: random.Random, depth: int) -> Tree:
    shape = rng.choice(["struct", "struct", "list", "map"]) if depth else "plain"
    if shape == "plain":
        plain = rng.choice(list(ARROW))
        return Tree(rng.choice(PLAIN), ARROW_TYPES[plain], plain, {})
    if shape == "struct":
        parts = {name: a_tree(rng, rng.randint(0, depth - 1)) for name in rng.sample(NAMES, rng.randint(1, 3))}
        kind = ", ".join(f"{quote(name)} {part.kind}" for name, part in rng.sample(list(parts.items()), len(parts)))
        arrow = pa.struct([*((name, part.arrow) for name, part in parts.items()), ("more", pa.int64())])
        return Tree(f"struct({kind})", arrow, "", parts)
    inner = a_tree(rng, rng.randint(0, depth - 1))
    if shape == "list":
        return Tree(f"{inner.kind}[]", pa.list_(inner.arrow), "", {"": inner})
    return Tree(f"map(varchar, {inner.kind})", pa.map_(pa.string(), inner.arrow), "", {"value": inner})


def an_arrow_value(rng: random.Random, tree: Tree, known: Mapping[tuple[str, str, int], Any], may_fail: bool) -> Any:
    """A value as pyarrow takes it, and as it has to come out; `Bad` where it cannot."""
    if rng.random() < 0.1:
        return None, None
    if tree.plain:
        fitting = [
            at for at in range(len(ARROW[tree.plain])) if may_fail or known[tree.plain, tree.kind, at] is not Bad
        ]
        if not fitting:
            return None, None
        at = rng.choice(fitting)
        return ARROW[tree.plain][at], known[tree.plain, tree.kind, at]
    one = partial(an_arrow_value, rng, known=known, may_fail=may_fail)
    shape = column_type(tree.kind).kind
    if shape == "struct":
        values = {name: one(part) for name, part in tree.parts.items()}
        order = [name for name, _ in column_type(tree.kind).parts]
        made = {name: values[name][1] for name in order}
        return {name: value for name, (value, _) in values.items()} | {"more": 1}, bad_or(made, made.values())
    pairs = [one(next(iter(tree.parts.values()))) for _ in range(rng.randint(0, 3))]
    if shape == "map":
        made = {str(at): held for at, (_, held) in enumerate(pairs)}
        return [(str(at), value) for at, (value, _) in enumerate(pairs)], bad_or(made, made.values())
    return [value for value, _ in pairs], bad_or([held for _, held in pairs], [held for _, held in pairs])


def bad_or(made: Any, parts: Iterable[Any]) -> Any:
    return Bad if any(part is Bad for part in parts) else made


def plain_of_parquet(make: Make) -> dict[tuple[str, str, int], Any]:
    """What plain columns make of values of Parquet: by the type of the file, that of the contract, and the place."""
    known = {}
    for plain, values in ARROW.items():
        source = make({"id": "bigint", **{f"k{at}": kind for at, kind in enumerate(PLAIN)}}, format={"type": "parquet"})
        for at, value in enumerate(values):
            for place, kind in enumerate(PLAIN):
                row = {"id": [at]} | {f"k{p}": [value if p == place else None] for p in range(len(PLAIN))}
                types = {"id": pa.int64()} | {f"k{p}": ARROW_TYPES[plain] for p in range(len(PLAIN))}
                source.put(f"{at}_{place}.parquet", parquet_file(pa.table(row, schema=pa.schema(types.items()))))
                known[plain, column_type(kind).declared, at] = Bad
        source.run()
        for path, *row in source.sql(
            f"select path, bronze.* from {source.table} as bronze join ops.files using (file_id)".replace(
                "using (file_id)", "on _file_id = file_id"
            )
        ):
            at, place = map(int, path.split("/")[1].removesuffix(".parquet").split("_"))
            known[plain, column_type(PLAIN[place]).declared, at] = row[1 + place]
    return known


def parquet_file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


@pytest.mark.slow
def test_parquet_holds_in_any_nested_type_what_columns_hold(make: Make) -> None:
    known = plain_of_parquet(make)
    for seed in range(60):
        rng = random.Random(seed)  # noqa: S311
        tree = a_tree(rng, 3)
        for may_fail in (False, True):
            pairs = [an_arrow_value(rng, tree, known, may_fail) for _ in range(20)]
            source = make({"id": "bigint", "it": tree.kind}, name=f"s{seed}", format={"type": "parquet"})
            values = pa.array([value for value, _ in pairs], tree.arrow)
            source.put("a.parquet", parquet_file(pa.table({"id": range(20), "it": values})))
            source.run()
            expected = {at: held for at, (_, held) in enumerate(pairs) if held is not Bad}
            assert same(dict(source.rows()), expected), (seed, tree.kind)
            assert len(source.malformed()) == 20 - len(expected)
            assert may_fail or len(expected) == 20
