"""A plan for people: tables on a terminal, and Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from assay.cli.console import out
from assay.planning.changes import Change
from assay.planning.plan import Plan, Release
from assay.planning.work import Work
from assay.publish.heartbeat import lasted

_HOW = {
    "new": "is built for the first time",
    "widened": "is widened in place; no file is read again",
    "judged again": "rows are judged again, on command; no file is read",
    "full refresh": "is built from nothing, on command",
    "follows": "is built from nothing, because of {}",
    "stops": "is strict: built from nothing on command, because of {}",
    "unknown": "is built from nothing, on command: an early version kept no account of it",
}
_TOUCHED = 40
"""Columns further down that are listed."""


def show(plan: Plan) -> None:
    """Print a plan."""
    if plan.changes:
        table = Table("table", "column", "change", "", box=None, pad_edge=False)
        for change in plan.changes:
            mark = "[red]breaking[/]" if change.is_breaking else "[green]compatible[/]"
            table.add_row(escape(change.table), escape(change.column), escape(change.words), mark)
        out.print(table)
    if plan.works:
        table = Table("table", "what is built", "rows", "about", box=None, pad_edge=False)
        for work in plan.works:
            table.add_row(escape(work.table), _how(work), f"{work.rows:,}", _about(work.seconds))
        out.print(table)
    for sentence in _sentences(plan):
        out.print(escape(sentence), highlight=False, soft_wrap=True)


def as_markdown(plan: Plan) -> str:
    """The plan as Markdown."""
    parts = [f"### Assay plan against {_code(plan.against)}\n"]
    if plan.changes:
        rows = [(_code(c.table), _code(c.column), _cell(c.words), _mark(c)) for c in plan.changes]
        parts.append(_table(("table", "column", "change", ""), rows))
    if plan.works:
        rows = [(_code(w.table), _cell(_how(w)), f"{w.rows:,}", _about(w.seconds)) for w in plan.works]
        parts.append(_table(("table", "what is built", "rows", "about"), rows))
    parts.append("\n".join(f"- {_cell(sentence)}" for sentence in _sentences(plan)) + "\n")
    return "\n".join(parts)


def _about(seconds: float | None) -> str:
    """`4 s`, `3 min`; of what was never measured, that."""
    return "not measured" if seconds is None else "under 1 s" if seconds < 1 else lasted(seconds)


def _how(work: Work) -> str:
    return _HOW[work.how].format(", ".join(work.because))


def _mark(change: Change) -> str:
    return "**breaking**" if change.is_breaking else "compatible"


def _sentences(plan: Plan) -> Iterator[str]:
    """What does not stand in the tables, the verdict last."""
    if plan.touched:
        shown = [f"{t.table}.{t.column} (by {t.origin})" for t in plan.touched[:_TOUCHED]]
        more = f" and {len(plan.touched) - _TOUCHED:,} more" if len(plan.touched) > _TOUCHED else ""
        yield f"Columns further down that are made of what changes: {', '.join(shown)}{more}."
    for problem in plan.problems:
        yield f"Would fail: {problem.message}"
    yield from map(_released, plan.releases)
    if not plan.changes and not plan.works:
        yield f"Nothing changes against {plan.against}."
    elif not plan.works:
        yield "Nothing has to be built."
    else:
        yield _to_do(plan)


def _released(release: Release) -> str:
    if release.is_enough is None:
        return f"{release.table} breaks, and no version says so: tell who reads it."
    if release.is_enough:
        return f"{release.table} breaks, and its version says so: {release.before} → {release.after}."
    still = f"is still {release.after} after {release.before}" if release.after else f"{release.before} is gone"
    return (
        f"{release.table} breaks, and its version {still}: a breaking change "
        "takes a new first number (before 1.0.0, a new second one)."
    )


def _to_do(plan: Plan) -> str:
    seconds = f"about {_about(plan.seconds)} for the run" if plan.seconds is not None else "unmeasured time"
    command = " ".join(f"--full-refresh {table}" for table in plan.refreshed)
    by = f"`assay apply`, which is `assay run {command}`" if command else "the next `assay run`"
    subject = "1 table is" if len(plan.works) == 1 else f"{len(plan.works):,} tables are"
    return f"{subject} built, {seconds}, by {by}."


def _code(text: str) -> str:
    return f"`{_cell(text).replace('`', chr(39))}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
