"""Asks a person in plain text: the question, what was seen, a default; a line of standard input is the answer."""

from __future__ import annotations

import sys

from rich.markup import escape

from assay.cli.console import out
from assay.describing.questions import Question


class Asker:
    """Asks one question after the other; an empty line is the default, and so is all that the input does not say."""

    def __init__(self) -> None:
        self._has_ended = False

    def __call__(self, question: Question) -> str:
        """The answer; asked again as long as it cannot be one."""
        out.print(f"\n[bold]{escape(question.words)}[/]", highlight=False, soft_wrap=True)
        for sentence in question.seen:
            out.print(f"- {escape(sentence)}", highlight=False, soft_wrap=True)
        while True:
            answer = self._line(question.default) or question.default
            if not (problem := question.problem(answer)):
                return answer
            out.print(f"[yellow]{escape(problem)}[/]", highlight=False, soft_wrap=True)

    def _line(self, default: str) -> str:
        if self._has_ended:
            return ""
        out.print(escape(f"[{default}] "), end="", highlight=False, soft_wrap=True)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            self._has_ended = True
            out.print("\nthe input ends here: what stands in brackets is taken, here and from now on", highlight=False)
        return line.strip()
