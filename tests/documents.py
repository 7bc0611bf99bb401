"""Models of ymls as hypothesis makes them, over all that a contract may say, and their way to a document and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import strategies as st

from assay.contract.names import TableName
from assay.odcs.described import Described, model_of_node
from assay.odcs.document import document
from assay.odcs.foreign import Missing
from assay.odcs.importing import imported_tables
from assay.odcs.reading import read_documents
from assay.odcs.written import written
from tests.places import PROJECT

TYPES = ("tinyint", "integer", "BIGINT", "hugeint", "decimal(12,2)", "double", "varchar", "text", "boolean", "date",
         "timestamp", "timestamp with time zone", "varchar[]", "struct(zip integer, \"b c\" decimal(9,2))",
         "map(varchar, struct(a date, b timestamp with time zone[]))")  # fmt: skip
NAMES = st.text("abcxyz_ÄöN0 '\"%-.", min_size=1, max_size=8).filter(lambda name: name.strip() and name[0] != "_")
PROSE = st.text("ab z.:#-'\"\n\t|>&*!?{}[],%@`0\u00e4\u2028\x85", max_size=30).filter(
    lambda text: not any(mark in text for mark in ("{{", "{%", "{#"))
)
FORMATS = st.sampled_from([
    {"type": "csv"},
    {"type": "csv", "delimiter": "\t", "nulls": ["", "NA", "no"], "decimal": ",", "dates": ["%d.%m.%Y"]},
    {"type": "csv", "preamble": {"until": "^id"}, "comment": "#", "encoding": "cp1252", "header": 2},
    {"type": "jsonl", "each": "/lines"},
    {"type": "json", "records": "/data/items"},
    {"type": "xml", "records": "/catalog/item"},
    {"type": "excel", "sheet": "Jänner", "range": "B4:H"},
    {"type": "parquet"},
    {"type": "avro"},
])  # fmt: skip
FRESHNESS = st.sampled_from([
    None,
    {"lag": "30 hours", "because": "It comes every night."},
    {"lag": "1 day"},
    {"lag": "90 minutes"},
    {"by": "06:00", "timezone": "America/New_York", "because": " yes: no # on "},
])  # fmt: skip


@st.composite
def _columns(draw: st.DrawFn, *, is_bronze: bool) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=lambda name: name.lower()))
    columns = []
    for number, name in enumerate(names):
        meta = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "personal": st.booleans(),
                    "unit": st.sampled_from(["usd", 7, ["a", None], {"x": False}]),
                    **(
                        {"optional": st.just(True), "path": st.just("/a~1b"), "aliases": st.just(["B c", "ä"])}
                        if is_bronze
                        else {"from": NAMES}
                    ),
                },
            )
        )
        rule = {"type": "check", "name": f"rule_{number}", "expression": draw(st.sampled_from([
            "1 = 1", "a in ('x', ')')", "length(b) > 0\n  and true", "not (c) or (d)"
        ]))}  # fmt: skip
        constraints = draw(st.sampled_from([[], [{"type": "not_null"}], [rule], [rule, {"type": "not_null"}]]))
        column = {"name": name, "data_type": draw(st.sampled_from(TYPES)), "description": draw(PROSE)}
        dbt = draw(st.sampled_from([{}, {"tags": ["a"]}, {"data_tests": [{"accepted_values": {"values": ["on", 1]}}]}]))
        config = {"config": {"meta": meta}} if meta else {}
        columns.append({**column, **config, **({"constraints": constraints} if constraints else {}), **dbt})
    return columns


@st.composite
def bronze_models(draw: st.DrawFn) -> dict[str, Any]:
    """A source of any kind."""
    columns = draw(_columns(is_bronze=True))
    names = [column["name"] for column in columns]
    key = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    contract: dict[str, Any] = {
        "version": "12.0.3",
        "owner": draw(st.sampled_from(["sales", "team: a", "no"])),
        "files": draw(st.sampled_from(["s/*.csv", "a/**/x*", "d/*.zip!/*.csv", "s/region={region}/*"])),
        "format": draw(FORMATS),
        "load": "events",
        "new_columns": draw(st.sampled_from(["rescue", "add", "refuse"])),
        **draw(st.sampled_from([{}, {"shares_with": ["x"]}, {"newest_by": {"file_date": "s_%Y-%m-%d.csv"}}])),
        **({} if key else {"key": "none"}),
    }
    checks = {"validity": {"most_pct": 5, "because": "b"}, "accepted": [{"file": "s/a.csv", "because": "c"}]}
    meta = {"contract": contract, **draw(st.sampled_from([{}, {"checks": checks}, {"colour": "red"}]))}
    return _with_rest(draw, "bronze_s", meta, key, columns)


@st.composite
def built_models(draw: st.DrawFn) -> dict[str, Any]:
    """A silver or gold table of any kind."""
    columns = draw(_columns(is_bronze=False))
    names = [column["name"] for column in columns]
    key = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    rules = [
        f"{column['name']}_not_null" if item["type"] == "not_null" else item["name"]
        for column in columns
        for item in column.get("constraints", [])
    ]
    level = st.sampled_from([
        {"severity": "warn", "because": "It is late."},
        {"severity": "regression", "accepted_pct": 0.5, "because": "Old rows."},
        {"severity": "error", "because": "b"},
    ])  # fmt: skip
    levels = {name: draw(level) for name in draw(st.lists(st.sampled_from([*rules, "files_of_one_moment_agree"])))}
    reference = {"columns": [names[0]], "to": "silver_p", "severity": "warn", "because": "b"}
    consistency = draw(st.sampled_from([{}, {"known": reference}, {"known": {**reference, "where": "x > 1"}}]))
    checks = {**({"rules": levels} if levels else {}), **({"consistency": consistency} if consistency else {})}
    meta = {
        **draw(st.sampled_from([{}, {"owner": "sales"}])),
        **({} if key else {"key": "none"}),
        **({"checks": checks} if checks else {}),
        **draw(st.sampled_from([{}, {"parts_by": "d", "redo": {"key": ["d"], "inputs": {"silver_x": ["a::date"]}}}])),
    }
    return _with_rest(draw, draw(st.sampled_from(["silver_a_b", "gold_days"])), meta, key, columns)


def _with_rest(
    draw: st.DrawFn, name: str, meta: dict[str, Any], key: list[str], columns: list[dict[str, Any]]
) -> dict[str, Any]:
    freshness = draw(FRESHNESS)
    meta |= {"freshness": freshness} if freshness else {}
    rules = draw(st.sampled_from([[], [{"type": "check", "name": "whole", "expression": "a < 'b'"}]]))
    constraints = [*([{"type": "primary_key", "columns": key}] if key else []), *rules]
    config = draw(st.sampled_from([{}, {"materialized": "table", "tags": ["x"]}]))
    return {
        "name": name,
        "description": draw(PROSE),
        "config": {**config, "meta": meta},
        **({"constraints": constraints} if constraints else {}),
        "columns": columns,
        **draw(st.sampled_from([{}, {"docs": {"show": False}}])),
    }


def node_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model of a yml as dbt's manifest has it."""
    columns = {column["name"]: {"config": {}, "constraints": [], **column} for column in model["columns"]}
    return {"constraints": [], **model, "columns": columns, "patch_path": f"x://models/{model['name']}.yml"}


def exported(model: Mapping[str, Any], project: str = "lake") -> str:
    """The text of the document of a model."""
    described = Described(TableName.of_model(model["name"]), project, model_of_node(node_of(model), model))
    table = described.name
    version = model["config"]["meta"]["contract"]["version"] if table.is_bronze else described.version
    return written([document(Described(table, project, described.model, version))])


def imported(text: str, folder: Path, **missing: str) -> dict[str, Any]:
    """The model of the only table in a document, as it stands in its yml."""
    path = folder / "a.odcs.yaml"
    path.write_text(text, encoding="utf-8")
    [content] = read_documents(path)
    table, *_ = imported_tables(content, "lake", Missing(**missing))
    model: dict[str, Any] = yaml.safe_load(written([table.model]))
    return model


@cache
def _validator() -> jsonschema.Draft201909Validator:
    schema = json.loads((PROJECT / "tests" / "odcs" / "odcs-3.2.0.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft201909Validator(schema)


def violations(text: str) -> list[str]:
    """What the standard's JSON Schema says against a document."""
    return [f"{error.json_path}: {error.message}" for error in _validator().iter_errors(yaml.safe_load(text))]
