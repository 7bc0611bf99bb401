"""The page of guarantees names a test for each, and each of these tests is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.places import PROJECT

PAGE = PROJECT / "docs" / "guarantees.md"


def named_tests() -> Iterator[tuple[str, str]]:
    """(file, test) that the page names; `::name` alone is of the file named before it in its line."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        file = ""
        for path, test in re.findall(r"`((?:unit|integration|chaos)/\w+\.py)?(?:::(\w+))?`", line):
            file = path or file
            if file:
                yield file, test


@pytest.mark.parametrize(("file", "test"), sorted(set(named_tests())))
def test_what_shows_a_guarantee_exists(file: str, test: str) -> None:
    path = PROJECT / "tests" / file
    assert path.exists(), f"docs/guarantees.md names tests/{file}, which is not there"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not test or test in names, f"docs/guarantees.md names {test}, which is not in tests/{file}"


def test_every_row_of_a_table_names_a_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    told = [row for row in rows if not row.startswith("| failure |")]
    assert len(told) > 30
    assert not [row for row in told if ".py" not in row]
