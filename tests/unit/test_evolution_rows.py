"""Each kind of change that docs/evolution.md tells of has a test."""

from __future__ import annotations

import re

import pytest

from tests.places import PROJECT

TESTS = {
    "has a column that the contract does not name, `new_columns: rescue`": (
        "test_schema_changes.py", "test_a_change_is_told_once_and_again_when_it_is_taken_back",
    ),
    "the same, `new_columns: add`": (
        "test_evolution.py", "test_added_columns_are_shown_to_readers_as_texts_until_the_contract_names_them",
    ),
    "the same, `new_columns: refuse`": (
        "test_loader_csv.py", "test_missing_and_unexpected_columns_refuse_a_file_and_are_named",
    ),
    "has a name that the contract does not have inside a column that holds others, or beside a column in an object": (
        "test_places_that_come.py", "test_a_place_is_told_once_and_is_neither_a_column_nor_gone",
    ),
    "lacks an optional column": ("test_optional_columns.py", "test_files_without_an_optional_column_give_null"),
    "lacks another column": ("test_optional_columns.py", "test_a_column_that_is_not_optional_is_still_missed"),
    "calls a column by one of its `aliases`": (
        "test_aliases.py", "test_each_format_is_read_by_any_name_and_not_by_two",
    ),
    "has two names of one column": ("test_aliases.py", "test_each_format_is_read_by_any_name_and_not_by_two"),
    "has its columns in another order": (
        "test_evolution_property.py", "test_drift_in_any_order_is_stored_as_by_one_load_under_the_last_contract",
    ),
    "writes a name with other blanks, or in upper case": (
        "test_aliases.py", "test_loose_names_are_read_without_regard_to_case_and_blanks",
    ),
    "has a value that its type cannot hold": (
        "test_evolution.py", "test_a_wider_type_keeps_what_was_malformed_until_the_files_are_read_again",
    ),
    "gets an optional column": (
        "test_evolution.py", "test_a_column_a_name_and_a_wider_type_come_into_silver_without_a_rebuild",
    ),
    "gets an alias": (
        "test_aliases.py", "test_a_refused_file_loads_once_its_name_is_an_alias_and_the_others_are_left_alone",
    ),
    "says `names: loose` after `exact`": (
        "test_aliases.py", "test_names_that_become_loose_take_what_was_rescued_under_them",
    ),
    "gets a wider type (`bigint` after `integer`, `decimal(12,2)` after `decimal(10,2)`)": (
        "test_evolution.py", "test_a_wider_type_keeps_what_was_malformed_until_the_files_are_read_again",
    ),
    "makes a column optional": ("test_optional_columns.py", "test_a_column_that_becomes_optional_is_no_change"),
    "keeps what it refused (`rescue` or `add` after `refuse`)": (
        "test_evolution_property.py", "test_what_was_rescued_is_promoted_and_renamed_as_one_load_would_have_it",
    ),
    "says `add` after `rescue`": (
        "test_evolution.py", "test_added_columns_are_shown_to_readers_as_texts_until_the_contract_names_them",
    ),
    "says `rescue` after `add`": (
        "test_evolution.py", "test_rescue_after_add_takes_a_column_of_silver_away_on_command",
    ),
    "gets another rule, loses one, or has another key": (
        "test_judged_again.py", "test_judged_again_is_as_loaded_and_reads_no_file",
    ),
    "gets a column that is not optional, a narrower or another type, `refuse` after `rescue`, `exact` after `loose`; "
    "loses a column or an alias": (
        "test_optional_columns.py", "test_a_column_that_is_not_optional_is_a_change_that_is_named",
    ),
}  # fmt: skip


def test_the_page_and_the_tests_name_the_same_changes() -> None:
    page = (PROJECT / "docs" / "evolution.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .+ \|$", page, re.MULTILINE)
    assert [row for row in rows if row not in ("a file", "the contract")] == list(TESTS)


@pytest.mark.parametrize(("file", "test"), sorted(set(TESTS.values())), ids=lambda name: name)
def test_each_of_them_is_tested(file: str, test: str) -> None:
    assert f"def {test}(" in (PROJECT / "tests" / "integration" / file).read_text(encoding="utf-8")
