"""The glossary of a project: the words of its business, what they mean, and the tables and columns that name them.

A term is a docs block of dbt in a file called `glossary.md` beside the models. A table or column names it by taking the
block into its description with `doc()`, or by its words, in a name or a description, in singular or plural.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from assay.contract.catalog import Catalog
from assay.contract.names import table_of

FILE = "glossary.md"
_LAYERS = ("gold", "silver", "bronze")
_WORD = re.compile(r"[^\W_]+|[|.;:]")
_SHORT = 3
"""Words of so many letters have no plural here: `gas`, `bus`."""


@dataclass(frozen=True)
class Use:
    """A table that names a term.

    Attributes:
        table: e.g. `gold.daily_sales`.
        columns: Those of its columns that name it; empty where only the table does.
    """

    table: str
    columns: Sequence[str]


@dataclass(frozen=True)
class Term:
    """A word of the business.

    Attributes:
        name: `private brand`, of a block that is called `private_brand`.
        meaning: As it is written, in Markdown.
        uses: Gold first.
    """

    name: str
    meaning: str
    uses: Sequence[Use]


def glossary(catalog: Catalog) -> list[Term]:
    """The terms of a project by name; none where it has no `glossary.md`.

    Args:
        catalog: The project.
    """
    return _terms(catalog, (model for layer in _LAYERS for model in catalog.of_layer(layer)))


def terms_of(catalog: Catalog, model: str) -> list[Term]:
    """The terms that one table names, by name, each with that table as its one use.

    Args:
        catalog: The project.
        model: e.g. `gold_daily_sales`.
    """
    return [term for term in _terms(catalog, [model]) if term.uses]


def _terms(catalog: Catalog, models: Iterable[str]) -> list[Term]:
    project = catalog.manifest["metadata"]["project_name"]
    blocks = {
        unique_id: block
        for unique_id, block in catalog.manifest.get("docs", {}).items()
        if block["package_name"] == project and PurePath(block["original_file_path"]).name == FILE
    }
    named = list(_named(catalog, models)) if blocks else []
    terms = [_term(unique_id, block, named) for unique_id, block in blocks.items()]
    return sorted(terms, key=lambda term: term.name.casefold())


@dataclass(frozen=True)
class _Named:
    """A table or column with what it is called and described by, as words in singular."""

    table: str
    column: str
    words: str
    blocks: frozenset[str]


def _named(catalog: Catalog, models: Iterable[str]) -> Iterator[_Named]:
    for model in models:
        node, table = catalog.models[model], table_of(model)
        yield _of(table, "", table.partition(".")[2], node)
        for column, entry in node["columns"].items():
            yield _of(table, column, column, entry)


def _of(table: str, column: str, name: str, entry: Mapping[str, Any]) -> _Named:
    text = _words(f"{name} | {entry.get('description') or ''}")
    return _Named(table, column, text, frozenset(entry.get("doc_blocks") or ()))


def _term(unique_id: str, block: Mapping[str, Any], named: Sequence[_Named]) -> Term:
    words = _words(block["name"])
    columns: dict[str, list[str]] = {}
    for each in named:
        if unique_id in each.blocks or words in each.words:
            columns.setdefault(each.table, []).extend([each.column] if each.column else [])
    uses = [Use(table, names) for table, names in columns.items()]
    return Term(str(block["name"]).replace("_", " "), str(block["block_contents"]).strip(), uses)


def _words(text: str) -> str:
    """` the household of a store `, so that a term stands in a text as a part of it."""
    return f" {' '.join(map(_singular, _WORD.findall(text.casefold())))} "


def _singular(word: str) -> str:
    if len(word) <= _SHORT or word.endswith("ss"):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
