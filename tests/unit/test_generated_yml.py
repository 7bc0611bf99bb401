"""The yml of generated models says what it is made of, whatever characters a name or a description holds."""

from __future__ import annotations

import pytest
import yaml

from assay.tables.generated_models import _as_yml as as_yml


@pytest.mark.parametrize(
    "mark",
    ["\x85", "\u2028", "\u2029", "\ufeff", "ü", "\n", "'", '"', "\x7f", "\t", "😀", "{{ x }}"],
    ids=lambda mark: hex(ord(mark[0])),
)
def test_a_name_comes_back_as_it_is(mark: str) -> None:
    model = {"name": "silver_x", "columns": [{"name": f"a{mark}b", "description": f"One {mark} and more. " * 20}]}
    assert yaml.safe_load(as_yml(model)) == {"models": [model]}


def test_what_can_be_read_is_written_so() -> None:
    assert "größe" in as_yml({"name": "silver_x", "columns": [{"name": "größe"}]})
