"""Questions about what nobody can be sure of in some files, and what the answers change; each answer is proved.

Belongs here: what is asked, what an answer may be, and what becomes of it. How a person is asked is the caller's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assay.describing.column_types import Proposed
from assay.describing.date_patterns import other_order
from assay.describing.keys import Identity, date_in_names, distinct_records
from assay.describing.texts import Texts

NONE = "none"
_FILE = "file name"


@dataclass(frozen=True)
class Question:
    """Something that a person may know.

    Attributes:
        words: What is asked.
        seen: What was seen in the files, in sentences.
        default: The answer that stands when there is none.
        problem: Says of an answer why it cannot be; empty of one that can.
    """

    words: str
    seen: Sequence[str]
    default: str
    problem: Callable[[str], str]


Ask = Callable[[Question], str]
"""Gives an answer of which the question has no problem."""


def names_in(answer: str) -> list[str]:
    """The names in an answer: with commas between, in double quotes where a name has one; none of `none`."""
    if answer.strip().lower() == NONE:
        return []
    return [name.strip() for name in next(csv.reader([answer], skipinitialspace=True), [])]


def as_answer(names: Collection[str]) -> str:
    """Names as `names_in` reads them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(names)
    text = out.getvalue()[:-2]
    return text.replace(",", ", ") if _is_plain(names) else text or NONE


def _is_plain(names: Collection[str]) -> bool:
    return bool(names) and not any(set(name) & set(',"\n\r') for name in names)


def asked_nulls(ask: Ask, tokens: Sequence[str]) -> list[str]:
    """The texts that mean no value, of those that were taken for it."""
    there = list(dict.fromkeys(tokens))
    question = Question(
        "Which of these texts mean no value? The columns that hold any other are texts",
        [f"without {as_answer(there)}, columns that have them are numbers or dates"],
        as_answer(there),
        lambda answer: _unknown(answer, there),
    )
    return names_in(ask(question))


def asked_dates(ask: Ask, columns: Sequence[Proposed]) -> list[Proposed]:
    """The columns, with day and month as a person knows them where the values do not tell."""
    return [_dated(ask, column) for column in columns]


def asked_personal(ask: Ask, columns: Sequence[Proposed], personal: Collection[str]) -> set[str]:
    """The columns about people."""
    names = [column.name for column in columns]
    default = as_answer([name for name in names if name in personal])
    seen = ["their values are not shown in examples"]
    return set(names_in(ask(Question("Which columns are about people?", seen, default, lambda a: _unknown(a, names)))))


def asked_identity(ask: Ask, texts: Texts, identity: Identity, paths: Sequence[Path]) -> Identity:
    """The key as a person knows it, and which of several records of one counts."""
    default = as_answer(identity.key)
    words = "Which columns tell records apart?"
    answer = ask(Question(words, identity.unsure, default, lambda a: _unknown(a, texts.names)))
    key = tuple(names_in(answer))
    is_as_proposed = key == identity.key
    if is_as_proposed and (not key or identity.dated or distinct_records(texts, key) == texts.records):
        return identity
    dated = identity.dated if identity.dated and identity.dated.name in key else None
    if not key or distinct_records(texts, key) == texts.records:
        return Identity(key, file_date=identity.file_date if dated else "", dated=dated)
    usual = identity if is_as_proposed else Identity(key, file_date=date_in_names(paths))
    return _of_versions(ask, texts, usual, date_in_names(paths))


def _of_versions(ask: Ask, texts: Texts, usual: Identity, in_names: str) -> Identity:
    """Which of several records of a key counts; `usual` is what stands where a person does not say otherwise."""
    key = usual.key
    repeated = texts.records - distinct_records(texts, key)
    known = [*([_FILE] if in_names else []), *(name for name in texts.names if name not in key)]
    by_name = f", or {_FILE}" if in_names else ""
    words = f"Which column says which record of a key is the newest{by_name}, or {NONE} where they are all equal?"
    seen = [f"{repeated:,} of {texts.records:,} records have the key of another"]
    default = usual.newest_by or (_FILE if usual.file_date else NONE)
    by = ask(Question(words, seen, default, lambda answer: _unknown_one(answer, known)))
    if by != _FILE:
        return Identity(key, newest_by="" if by.lower() == NONE else by)
    loads = ("events", "snapshot")
    question = Question(
        "Do files add up (events), or is the newest one all that there is (snapshot)?",
        [],
        usual.load,
        lambda answer: "" if answer in loads else f"it is one of {', '.join(loads)}",
    )
    return Identity(key, "snapshot" if ask(question) == loads[1] else "events", file_date=in_names)


def _dated(ask: Ask, column: Proposed) -> Proposed:
    patterns = column.type.spelling.dates
    doubts = [sentence for sentence in column.unsure if "day and month cannot be told apart" in sentence]
    if not doubts or len(patterns) != 1:
        return column
    both = (patterns[0], other_order(patterns[0]))
    problem = lambda answer: "" if answer in both else f"it is one of {' and '.join(both)}"  # noqa: E731
    answer = ask(Question(f"How are the dates of {column.name} written?", doubts, both[0], problem))
    if answer == patterns[0]:
        return replace(column, unsure=[])
    spelling = replace(column.type.spelling, dates=(answer,))
    return replace(column, type=replace(column.type, spelling=spelling), unsure=[], least="", most="")


def _unknown(answer: str, names: Collection[str]) -> str:
    alien = [name for name in names_in(answer) if name not in names]
    twice = len(names_in(answer)) > len(set(names_in(answer)))
    if alien:
        return f"{alien[0]!r} is not among {as_answer(names)}"
    return "a name stands there twice" if twice else ""


def _unknown_one(answer: str, names: Sequence[str]) -> str:
    is_known = answer in names or answer.lower() == NONE
    return "" if is_known else f"{answer!r} is not among {as_answer(names)}"
