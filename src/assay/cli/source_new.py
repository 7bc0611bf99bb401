"""`assay source new`: a contract for files that have none."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from assay.base.atomic_write import place
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.asking import Asker
from assay.cli.console import out, progress
from assay.cli.files import contract_of, files_below
from assay.cli.source_check import show
from assay.contract.names import TableName
from assay.contract.project_files import ProjectFiles
from assay.describing.archive_files import described, split_path
from assay.describing.children import Child
from assay.describing.outside import folders_of
from assay.describing.proposal import propose
from assay.describing.proposed_yml import Proposal
from assay.describing.trial import try_files


class SourceExists(UserError):
    """The project has a source of that name."""


def new(
    source: str, paths: list[Path], owner: str, each: str = "", parent: str = "", *, is_interactive: bool = False
) -> int:
    """Write a contract for files, and load them under it in a lake that is thrown away.

    Args:
        source: What the source is to be called.
        paths: The files, or folders with nothing else in them; `a.zip!/x*.csv` for some members of an archive.
        owner: The team that answers for it.
        each: The list in each record whose elements are the records, as a JSON pointer; empty for none.
        parent: The source whose records hold the list; empty where the project has none.
        is_interactive: Whether to ask what nobody can be sure of.

    Returns:
        0 when every record of the files is a clean row under the contract, else 1.

    Raises:
        UserError: There is such a source, or no contract can say how the files are written.
    """
    settings = Settings.from_env()
    target = settings.dbt_project / "models" / f"{source}.yml"
    _refuse_taken(settings, source, target)
    paths = files_below(paths)
    places = list(dict.fromkeys(split_path(path)[0] for path in paths))
    _refuse_one_name(places)
    child = _child(settings, each, parent)
    ask = Asker() if is_interactive else None
    with nullcontext(_silent) if ask else progress("looking at the files") as tell:
        with described(source, paths, settings.archive_limits) as files:
            proposal = propose(source, files, owner, tell, child, ask)
        target.parent.mkdir(exist_ok=True)
        place(target, proposal.yml.encode(), mtime=time.time())
        try:
            tell("trying the contract")
            trials = try_files(settings, contract_of(settings, source), places, tell)
        except BaseException:
            target.unlink()  # it was tried by nobody
            raise
    if ask:
        out.print()
    _show(proposal)
    show(trials)
    landed = f"assay land {proposal.parent or source} FILE…"
    out.print(f"\nwrote {escape(str(target))}; look at it, then: {landed} && assay run", highlight=False)
    return 0 if all(trial.is_good for trial in trials) else 1


def _silent(_: str) -> None:
    """Questions and a line that changes do not go together."""


def _child(settings: Settings, each: str, parent: str) -> Child | None:
    if parent and not each:
        raise UserError("--of is the source whose records hold a list; --each says which list, such as /lines")
    if not each:
        return None
    return Child(each, contract_of(settings, parent) if parent else None)


def _refuse_one_name(paths: list[Path]) -> None:
    """Refuse files that would have one name in landing, which holds one of them, and a newer one replaces it."""
    folders = folders_of(paths)
    below = [Path(*(f"{key}={value}" for key, value in values.items())) for values in folders.values]
    names = Counter(str(folder / path.name) for folder, path in zip(below, paths, strict=True))
    if twice := [name for name, times in names.items() if times > 1]:
        raise UserError(
            f"{names[twice[0]]} of the files are called {twice[0]}, and in one folder a newer file of a name replaces "
            "the older; give them names that differ"
        )


def _refuse_taken(settings: Settings, source: str, target: Path) -> None:
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", source):
        fitting = re.sub(r"[^A-Za-z0-9_]+", "_", source).strip("_").lower() or "orders"
        raise UserError(
            f"{source!r} is not a name of a source, which is made of the letters a to z, digits and _; call it "
            f"{fitting!r}, for example"
        )
    models = ProjectFiles.read(settings.dbt_project).models
    if TableName.of_source(source).model in models or target.exists():
        raise SourceExists(
            f"there is a source {source!r} already, in models/{target.name}; take another name, or remove that file"
        )


def _show(proposal: Proposal) -> None:
    table = Table("column", "type", "written", "filled", "from", "to", box=None, pad_edge=False)
    for column in proposal.columns:
        written = ", ".join(f"{key} {_in_words(value)}" for key, value in column.type.spelling.form.items())
        key = " [bold](key)[/]" if column.name in proposal.identity.key else ""
        share = f"{column.filled / proposal.records:.0%}" if proposal.records else ""
        ends = (escape(column.least[:30]), escape(column.most[:30]))
        table.add_row(f"{escape(column.name)}{key}", escape(column.type.declared), escape(written), share, *ends)
    kind, *others = proposal.form.declared.items()
    form = "".join(f"; {name} {_in_words(value)}" for name, value in others)
    out.print(f"{proposal.records:,} records; {kind[1]}{escape(form)}", highlight=False)
    out.print(table)
    if proposal.unsure:
        out.print("\n[yellow]not sure[/]")
    for sentence in proposal.unsure:
        out.print(f"- {escape(sentence)}", highlight=False, soft_wrap=True)
    if proposal.children:
        out.print("\n[yellow]lists[/], each in a column, or a table of its own by")
    for command in proposal.children.values():
        out.print(f"- {escape(command)}", highlight=False, soft_wrap=True)
    out.print()


def _in_words(value: object) -> str:
    return " or ".join(map(repr, value)) if isinstance(value, list | tuple) else repr(value)
