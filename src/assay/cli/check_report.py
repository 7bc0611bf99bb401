"""The results of `assay check` as files for CI: JUnit XML, each rule a test case, and a summary in Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from assay.checks.results import CheckResult, Rule, in_words

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NEVER_BUILT = "was never built; `assay run` builds it"


def write_junit(path: Path, results: Sequence[CheckResult], missing: Iterable[str]) -> None:
    """Write JUnit XML: a suite for each table, a case for each rule.

    What only warns passes, with its finding as the case's output; a table that was never built is an error.

    Args:
        path: The file; its folder is made.
        results: Of all checks.
        missing: Tables that could not be checked.
    """
    suites = ElementTree.Element("testsuites", name="assay check")
    for table in sorted({*(result.table for result in results), *missing}):
        suite = ElementTree.SubElement(suites, "testsuite", name=table)
        for result in (result for result in results if result.table == table):
            for rule in result.rules:
                _case(suite, result, rule)
        if table in missing:
            case = ElementTree.SubElement(suite, "testcase", classname=table, name="is built")
            ElementTree.SubElement(case, "error", message=f"{table} {NEVER_BUILT}")
    write_suites(path, suites)


def write_suites(path: Path, suites: ElementTree.Element) -> None:
    """Write suites of JUnit XML, each with its counts; the folder of the file is made."""
    for suite in suites:
        for kind, name in (("testcase", "tests"), ("testcase/failure", "failures"), ("testcase/error", "errors")):
            suite.set(name, str(len(suite.findall(kind))))
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def _case(suite: ElementTree.Element, result: CheckResult, rule: Rule) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=f"{result.table}.{result.check}", name=rule.name)
    if rule.passed:
        return
    message = plain_text(f"expected {rule.expected}, found {rule.observed}")
    rows = "\n".join(plain_text(in_words(row)) for row in rule.examples)
    if not result.is_evaluated:
        ElementTree.SubElement(case, "error", message=plain_text(result.summary))
    elif not rule.is_failure:
        ElementTree.SubElement(case, "system-out").text = "\n".join(["warning: " + message, rows])
    else:
        ElementTree.SubElement(case, "failure", message=message).text = rows


def write_summary(path: Path, results: Sequence[CheckResult], missing: Iterable[str]) -> None:
    """Write a summary for a pull request: first what failed, with rows that show it, then a line for each check.

    Args:
        path: The file; its folder is made, and what it holds is replaced.
        results: Of all checks.
        missing: Tables that could not be checked.
    """
    absent = sorted(missing)
    counts = Counter(result.verdict for result in results)
    counts["not evaluated"] += len(absent)
    lines = [
        "## Checks of the lake",
        "",
        f"{counts['pass']} passed, {counts['warn']} warned, {counts['fail']} failed, "
        f"{counts['not evaluated']} could not be evaluated.",
        "",
    ]
    for result in (result for result in results if result.verdict == "fail"):
        lines += _told(result)
    lines += ["| table | check | result | |", "|---|---|---|---|"]
    lines += [f"| {table} | | not evaluated | {NEVER_BUILT} |" for table in absent]
    lines += [f"| {r.table} | {r.check} | {r.verdict} | {_cell(r.summary)} |" for r in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _told(result: CheckResult) -> list[str]:
    lines = [f"### {result.table}: {result.check}", ""]
    for rule in (rule for rule in result.rules if not rule.passed):
        lines.append(f"- **{_cell(rule.name)}**: expected {_cell(rule.expected)}, found {_cell(rule.observed)}")
        lines += [f"  - {_cell(in_words(row))}" for row in rule.examples]
    return [*lines, ""]


def plain_text(text: str) -> str:
    """A text without characters that XML cannot hold; values of files may hold any."""
    return _NOT_XML.sub("\ufffd", text)


def _cell(text: str) -> str:
    """A text as one line of Markdown, with its markup escaped."""
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", " ".join(plain_text(text).split()))
