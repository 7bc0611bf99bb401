"""The result of one model or data test, and what is worth showing of an error."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 2000  # characters of a message of dbt that are worth showing


@dataclass(frozen=True)
class NodeResult:
    """The result of one model or test.

    Attributes:
        unique_id: As in the manifest.
        name: The model or test.
        is_test: Whether it is a data test.
        status: dbt's word: success, pass, fail, warn, error, skipped.
        message: dbt's message, without tracebacks.
        seconds: How long it took.
        failures: Rows that a test found.
        compiled: The compiled SQL.
    """

    unique_id: str
    name: str
    is_test: bool
    status: str
    message: str
    seconds: float
    failures: int
    compiled: str


def readable(message: str) -> str:
    """The message of an error that our own code raised inside a dbt model, without the traceback around it."""
    matches = re.findall(r"^\s*((?:assay|_?duckdb)[\w.]*): (.+(?:\n(?!\s*\n).*)*)", message, re.MULTILINE)
    if not matches:
        return message.strip()[:LONGEST]
    kind, text = matches[-1]
    name = f"{kind.rsplit('.', 1)[-1]}: " if "duckdb" in kind else ""
    return f"{name}{text.strip()}"[:LONGEST]
