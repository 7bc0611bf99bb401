"""A person who is asked decides what nobody can see in the files, and the contract says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.base.archive_limits import ArchiveLimits
from assay.describing.archive_files import described
from assay.describing.proposal import propose
from assay.describing.proposed_yml import Proposal
from assay.describing.questions import Question
from tests.judged_tables import load

DAYS = {
    f"tills_2024-01-0{n}.csv": f"line,day,amount,mail\n1,02/03/2024,{amount},a@b.ch\n2,04/05/2024,3,c@d.ch\n".encode()
    for n, amount in ((1, "NA"), (2, "4"))
}


def asked(folder: Path, answers: dict[str, str]) -> tuple[Proposal, list[str]]:
    """What is proposed with answers to questions that begin so, and the default of all others; and all questions."""
    folder.mkdir()
    for name, content in DAYS.items():
        (folder / name).write_bytes(content)
    questions: list[str] = []

    def ask(question: Question) -> str:
        questions.append(question.words)
        answer = next((text for words, text in answers.items() if question.words.startswith(words)), question.default)
        assert not question.problem(answer)
        return answer

    with described("sales", [folder / name for name in DAYS], ArchiveLimits()) as files:
        return propose("sales", files, "tests", ask=ask), questions


def test_the_defaults_are_what_is_proposed_without_questions(tmp_path: Path) -> None:
    proposal, questions = asked(tmp_path / "files", {})
    with described("sales", [tmp_path / "files" / name for name in DAYS], ArchiveLimits()) as files:
        assert propose("sales", files, "tests").yml == proposal.yml
    assert [words.split()[0:3] for words in questions] == [
        ["Which", "of", "these"],
        ["How", "are", "the"],
        ["Which", "columns", "tell"],
        ["Which", "column", "says"],
        ["Do", "files", "add"],
        ["Which", "columns", "are"],
    ]


@pytest.mark.slow  # a lake each
@pytest.mark.parametrize(
    ("answers", "stated"),
    [
        ({"How are the dates of day": "%m/%d/%Y"}, 'written: {dates: ["%m/%d/%Y"]}'),
        ({"Which of these texts": "none"}, "- name: amount\n        data_type: varchar"),
        (
            {"Which columns are about": "line"},
            "- name: line\n        data_type: bigint\n        config: {meta: {personal",
        ),
        ({"Which columns tell": "none"}, "          key: none"),
        ({"Which columns tell": "line, amount"}, "primary_key, columns: [line, amount]}"),
        ({"Which columns tell": "line", "Which column says": "amount"}, "newest_by: amount"),
        ({"Which columns tell": "line", "Which column says": "none"}, "primary_key, columns: [line]}"),
        ({"Which columns tell": "line", "Do files": "snapshot"}, "load: snapshot\n          newest_by: {file_date:"),
        ({"Which columns tell": "line", "Do files": "events"}, "load: events\n          newest_by: {file_date:"),
    ],
    ids=["dates", "nulls", "people", "no key", "unique", "by column", "all equal", "snapshot", "versions"],
)
def test_an_answer_is_in_the_contract_and_the_files_load(tmp_path: Path, answers: dict[str, str], stated: str) -> None:
    proposal, questions = asked(tmp_path / "files", answers)
    assert stated in proposal.yml
    assert all(any(words.startswith(begin) for words in questions) for begin in answers)
    source = load(tmp_path, proposal, DAYS)
    assert source.malformed() == []
    assert source.sql(f"select count(*) from {source.table}") == [(4,)]
