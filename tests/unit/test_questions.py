"""What is asked of a person is plain text, and every answer is one that can be."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from assay.cli.asking import Asker
from assay.describing.questions import Question, as_answer, names_in

COLOURS = ("red", "green")


def question(default: str = "red") -> Question:
    return Question("Which colour?", ["both fit"], default, lambda a: "" if a in COLOURS else f"{a!r} is no colour")


@pytest.mark.parametrize(
    "names",
    [["a"], ["a", "b c"], ["Preis, netto", "b"], ['5" disk', "b"], ["x\ny", "z"], ["ä;|", "None of these"], []],
    ids=["one", "two", "comma", "quote", "line end", "others", "none"],
)
def test_names_come_back_from_an_answer(names: Sequence[str]) -> None:
    assert names_in(as_answer(names)) == list(names)


@pytest.mark.parametrize(
    ("lines", "answers"),
    [("green\n\n", ["green", "red"]), ("blue\n green \ngreen", ["green", "green"]), ("", ["red", "red"])],
    ids=["an empty line is the default", "what cannot be is asked again", "the end of the input is the default"],
)
def test_a_line_is_an_answer(
    lines: str, answers: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    ask = Asker()
    assert [ask(question()) for _ in answers] == answers
    shown = capsys.readouterr().out
    assert "Which colour?" in shown
    assert "- both fit" in shown
    assert ("'blue' is no colour" in shown) == ("blue" in lines)
    assert shown.count("the input ends here") == (0 if lines else 1)
