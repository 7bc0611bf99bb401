"""The files that CI reads say what the checks found, whatever stands in the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assay.checks.results import CheckResult, Rule
from assay.cli.check_report import write_junit, write_summary

HOSTILE = "a|b <script>\x00\x1b\ud800 *x*\nnew line ]]> &"
GOOD = Rule("not_null", "no NULL", "no NULL", passed=True)
BAD = Rule("positive", "price > 0", "2 rows break it", passed=False, examples=({"id": 7, "note": HOSTILE},))


def result(rule: Rule, *, is_evaluated: bool = True) -> CheckResult:
    return CheckResult("silver.products", "contract", (GOOD, rule), "said", is_evaluated=is_evaluated)


def named(path: Path, tag: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(path.read_bytes())  # noqa: S314 - written by this test
    return {str(element.get("name")): element for element in root.iter(tag)}


def test_each_rule_is_a_case_and_a_broken_one_fails_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "check.xml"
    write_junit(path, [result(BAD)], ["gold.sales"])
    cases = named(path, "testcase")
    assert set(cases) == {"not_null", "positive", "is built"}
    assert list(cases["not_null"]) == []
    failure = cases["positive"].find("failure")
    assert failure is not None
    assert failure.get("message") == "expected price > 0, found 2 rows break it"
    assert "id = 7, note = a|b <script>\ufffd\ufffd\ufffd *x*\nnew line ]]> &" in str(failure.text)
    assert cases["is built"].find("error") is not None
    suite = named(path, "testsuite")["silver.products"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")


@pytest.mark.parametrize(
    ("check_result", "tag"),
    [
        (result(replace(BAD, severity="warn")), "system-out"),
        (result(BAD, is_evaluated=False), "error"),
        (result(BAD), "failure"),
        (result(replace(BAD, severity="regression")), "failure"),
    ],
)
def test_a_warning_passes_and_what_could_not_be_asked_is_an_error(
    tmp_path: Path, check_result: CheckResult, tag: str
) -> None:
    write_junit(tmp_path / "check.xml", [check_result], [])
    assert [child.tag for child in named(tmp_path / "check.xml", "testcase")["positive"]] == [tag]


def test_the_summary_counts_and_keeps_the_data_out_of_the_markup(tmp_path: Path) -> None:
    path = tmp_path / "check.md"
    write_summary(path, [result(BAD), result(GOOD), result(replace(BAD, severity="warn"))], ["gold.sales"])
    summary = path.read_text(encoding="utf-8")
    assert "1 passed, 1 warned, 1 failed, 1 could not be evaluated." in summary
    assert "- **positive**: expected price \\> 0, found 2 rows break it" in summary
    assert "a\\|b \\<script\\>" in summary
    assert [line.count("|") - line.count("\\|") for line in summary.splitlines() if line.startswith("| ")] == [5] * 5
