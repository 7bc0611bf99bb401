"""`assay source check`: what would become of files, before they are sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

from rich.markup import escape
from rich.table import Table

from assay.base.settings import Settings
from assay.cli.check_report import plain_text, write_suites
from assay.cli.clear_values import assert_may_see
from assay.cli.console import out, progress
from assay.cli.files import contract_of, files_below
from assay.describing.trial import FileTrial, Reason, try_files
from assay.incidents.reconcile import one_line

_LISTED = 12
"""Files that are listed, and reasons that are told of each."""


def check(source: str, paths: list[Path], junit: Path | None, *, as_json: bool, is_clear: bool = False) -> int:
    """Try files under the contract of a source and say what would become of each.

    Args:
        source: The source.
        paths: The files, or folders with nothing else in them.
        junit: A file for JUnit XML, a case for each file.
        as_json: Whether to print JSON instead of tables.
        is_clear: Whether to show values about people.

    Returns:
        0 when every record of every file would be a clean row, else 1.

    Raises:
        UserError: There is no such source, or no such file.
        NotForYou: Values about people are asked for, and the user is not named.
    """
    settings = Settings.from_env()
    if is_clear:
        assert_may_see(settings)
    contract = contract_of(settings, source)
    paths = files_below(paths)
    with progress("reading the files") as tell:
        trials = try_files(settings, contract, paths, tell, is_clear=is_clear)
    if junit:
        write_junit(junit, source, trials)
    if as_json:
        json.dump([trial.form for trial in trials], sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        show(trials)
    return 0 if all(trial.is_good for trial in trials) else 1


def show(trials: list[FileTrial]) -> None:
    """Print a line for each file, and each reason once with how many records it is of."""
    table = Table("file", "would be", *("records", "clean rows", "malformed", "quarantined"), box=None, pad_edge=False)
    good = [trial for trial in trials if trial.is_good]
    listed = trials if len(trials) <= _LISTED else [trial for trial in trials if not trial.is_good]
    for trial in listed[:_LISTED]:
        counts = (trial.records, trial.rows, *(_records(reasons) for reasons in (trial.malformed, trial.quarantined)))
        colour = "green" if trial.is_good else "yellow" if trial.status == "loaded" else "red"
        table.add_row(escape(trial.name), f"[{colour}]{trial.status}[/]", *(f"{count:,}" for count in counts))
    if listed:
        out.print(table)
    if len(listed) > _LISTED:
        out.print(f"… and {len(listed) - _LISTED:,} more files with rejected records")
    rows, records = sum(trial.rows for trial in trials), sum(trial.records for trial in trials)
    out.print(
        f"{len(good):,} of {len(trials):,} files would give a clean row for each record; {rows:,} of {records:,} do",
        highlight=False,
    )
    for trial in listed[:_LISTED]:
        for told in _told(trial)[:_LISTED]:
            out.print(escape(told), highlight=False, soft_wrap=True)


def _records(reasons: list[Reason]) -> int:
    """A figure for a table: reasons, which are as many records or more."""
    return sum(reason.records for reason in reasons)


def _told(trial: FileTrial) -> list[str]:
    lines = [f"{trial.name}: {trial.status}: {trial.reason}"] if trial.reason else []
    for kind, reasons in (("malformed", trial.malformed), ("quarantined", trial.quarantined)):
        lines += [f"{trial.name}: {r.records:,} {kind}: {r.what}; {r.example}" for r in reasons]
    if trial.left_out:
        subject = "1 line is" if trial.left_out == 1 else f"{trial.left_out:,} lines are"
        lines.append(f"{trial.name}: {subject} left out, as no records by the format")
    return [*lines, *(one_line(f"{trial.name}: {change}") for change in trial.changes)]


def write_junit(path: Path, source: str, trials: list[FileTrial]) -> None:
    """Write JUnit XML: a case for each file, which fails where a record of it would be rejected."""
    suites = ElementTree.Element("testsuites", name="assay source check")
    suite = ElementTree.SubElement(suites, "testsuite", name=source)
    for trial in trials:
        case = ElementTree.SubElement(suite, "testcase", classname=source, name=plain_text(trial.name))
        if not trial.is_good:
            told = _told(trial)
            ElementTree.SubElement(case, "failure", message=plain_text(told[0])).text = plain_text("\n".join(told))
    write_suites(path, suites)
