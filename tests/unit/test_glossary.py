"""A glossary is what the project's `glossary.md` declares, with the tables and columns that name each word."""

from __future__ import annotations

from typing import Any

import pytest

from assay.contract.catalog import Catalog
from assay.contract.glossary import Use, glossary, terms_of


def block(name: str, package: str = "shop", file: str = "models/words/glossary.md") -> dict[str, Any]:
    return {
        "name": name, "package_name": package, "original_file_path": file, "block_contents": f"What {name} means.\n",
    }  # fmt: skip


def model(description: str = "", **columns: str | dict[str, Any]) -> dict[str, Any]:
    entries = {name: entry if isinstance(entry, dict) else {"description": entry} for name, entry in columns.items()}
    return {"description": description, "columns": entries}


def project(blocks: list[dict[str, Any]], **models: dict[str, Any]) -> Catalog:
    docs = {f"doc.{each['package_name']}.{each['name']}": each for each in blocks}
    return Catalog({"metadata": {"project_name": "shop"}, "docs": docs, "nodes": {}}, models)


def uses_of(name: str, **models: dict[str, Any]) -> list[Use]:
    [term] = glossary(project([block(name)], **models))
    return list(term.uses)


def test_only_blocks_of_the_projects_own_glossary_are_terms() -> None:
    others = [block("file_id", "assay"), block("note", file="models/notes.md"), block("thing", file="my_glossary.md")]
    terms = glossary(project([block("private_brand"), block("basket"), *others]))
    assert [(term.name, term.meaning) for term in terms] == [
        ("basket", "What basket means."),
        ("private brand", "What private_brand means."),
    ]
    assert glossary(project(others)) == []


@pytest.mark.parametrize(
    ("term", "column", "description"),
    [
        ("household", "household_id", ""),
        ("household", "number", "How many Households bought."),
        ("households", "number", "The household."),
        ("private_brand", "is_private_brand", ""),
        ("private_brand", "share", "Of private brands, in per cent."),
        ("category", "number", "All categories."),
        ("straße", "ort", "Die STRASSE."),
    ],
)
def test_a_column_names_a_term_in_singular_or_plural(term: str, column: str, description: str) -> None:
    assert uses_of(term, gold_sales=model("", **{column: description})) == [Use("gold.sales", [column])]


@pytest.mark.parametrize(
    ("term", "column", "description"),
    [
        ("lift", "uplift", "The uplift."),
        ("private_brand", "x", "A brand that is private."),
        ("private_brand", "x", "Rarely private. Brand is its maker."),
        ("gas", "x", "Ga."),
        ("sales", "private", ""),
    ],
)
def test_parts_of_words_and_words_apart_do_not_name_it(term: str, column: str, description: str) -> None:
    assert uses_of(term, gold_things=model("", **{column: description})) == []


def test_a_table_names_a_term_by_its_name_its_description_or_the_block_itself() -> None:
    by_block = {"description": "Something else.", "doc_blocks": ["doc.shop.lift"]}
    assert uses_of(
        "lift",
        bronze_lift=model(),
        silver_other=model("Without."),
        gold_results=model("The lift of all.", x="", lift_usd=""),
        gold_more=model("", y=by_block),
        quarantine_lift=model("Lift."),
    ) == [Use("gold.more", ["y"]), Use("gold.results", ["lift_usd"]), Use("bronze.lift", [])]


def test_a_table_has_the_terms_that_it_or_its_columns_name_and_no_uses_of_others() -> None:
    catalog = project(
        [block(name) for name in ("lift", "private_brand", "basket", "store")],
        silver_lift=model("Of a store."),
        gold_sales=model("Per store.", lift="", is_private_brand=""),
    )
    assert [(term.name, term.uses) for term in terms_of(catalog, "gold_sales")] == [
        ("lift", [Use("gold.sales", ["lift"])]),
        ("private brand", [Use("gold.sales", ["is_private_brand"])]),
        ("store", [Use("gold.sales", [])]),
    ]
    assert terms_of(project([], gold_sales=model("Per store.")), "gold_sales") == []
