"""What `assay source check` prints of files."""

from __future__ import annotations

import pytest

from assay.cli.source_check import show
from assay.describing.trial import FileTrial


def test_a_name_that_came_is_one_printable_line(capsys: pytest.CaptureFixture[str]) -> None:
    show([FileTrial("a.jsonl", "loaded", "", 1, 1, [], [], ["column \x1b[31mred\nline [bold]x came"])])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("a.jsonl: column ")
    assert last.endswith("[31mred line [bold]x came")
    assert "\x1b" not in last
