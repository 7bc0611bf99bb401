"""A contract for files that have none, as a yml with what was seen beside it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from assay.contract.format import Format
from assay.contract.spelling import PLAIN, Spelling
from assay.describing.archive_files import Described
from assay.describing.changes import of_changes
from assay.describing.children import (
    Child,
    Holder,
    check_child,
    described_holder,
    elements_form,
    elements_identity,
    holder_of,
    with_types,
)
from assay.describing.column_types import (
    Proposed,
    typed_as_list,
    typed_by_file,
    typed_by_schema,
    typed_by_values,
    usual_marks,
)
from assay.describing.file_kind import kind_of
from assay.describing.keys import identity_of
from assay.describing.kinds import Kind, Undescribable
from assay.describing.nested_columns import type_of_lists
from assay.describing.outside import add_folders
from assay.describing.personal import is_personal
from assay.describing.proposed_yml import Proposal, ProposedYml
from assay.describing.questions import Ask, asked_dates, asked_identity, asked_nulls, asked_personal
from assay.describing.texts import Texts, texts_of


def propose(
    source: str,
    files: Described,
    owner: str,
    tell: Callable[[str], object] = lambda _: None,
    child: Child | None = None,
    ask: Ask | None = None,
) -> Proposal:
    """Look at all records of some files and propose a contract under which they load.

    Args:
        source: What the source is to be called.
        files: The files.
        owner: The team that answers for it.
        tell: Told what happens now.
        child: The list whose elements are the records; None where these are the files' own.
        ask: Asks a person what nobody can be sure of; None to take what is likely.

    Raises:
        Undescribable: No contract can say how the files are written.
        UserError: A list is asked for that such files cannot have.
    """
    paths = files.files
    tell("looking at how the files are written")
    kind = kind_of(paths)
    with tempfile.TemporaryDirectory(prefix="assay-source-") as folder:
        scratch = Path(folder)
        if child is not None:
            return _elements(source, files, owner, kind, (child, scratch, tell), ask)
        with texts_of(paths, kind.form, scratch, tell) as texts:
            columns = _columns(texts, kind.form, tell, nulls=kind.form.type == "csv")
            tokens = [token for column in columns for token in column.nulls]
            if tokens and ask:
                tokens = asked_nulls(ask, tokens)
                columns = columns if tokens else _columns(texts, kind.form, tell, nulls=False)
            if not tokens:
                return _proposal(source, files, owner, kind, (texts, columns), ask=ask)
        form = _with_nulls(paths, kind.form, tokens, scratch, tell)
        with texts_of(paths, form, scratch, tell) as texts:
            columns = _columns(texts, form, tell, nulls=False)
            return _proposal(source, files, owner, replace(kind, form=form), (texts, columns), ask=ask)


def _elements(
    source: str,
    files: Described,
    owner: str,
    kind: Kind,
    how: tuple[Child, Path, Callable[[str], object]],
    ask: Ask | None,
) -> Proposal:
    """A contract of the elements of a list, after one of the records that hold it."""
    child, scratch, tell = how
    paths = files.files
    check_child(child, kind.form)
    if child.parent is not None:
        holder = holder_of(child.parent)
    else:
        with texts_of(paths, kind.form, scratch, tell) as texts:
            columns = _columns(texts, kind.form, tell, nulls=False)
            holder = described_holder(kind.form, texts, identity_of(texts, columns, paths))
    form = elements_form(holder, child)
    with texts_of(paths, form, scratch, tell) as texts:
        if not texts.records:
            raise Undescribable(f"no record of the files has a list with elements at {child.each}")
        columns = with_types(_columns(texts, form, tell, nulls=False), holder)
        return _proposal(source, files, owner, replace(kind, form=form), (texts, columns), holder, ask)


def _proposal(
    source: str,
    described: Described,
    owner: str,
    kind: Kind,
    seen: tuple[Texts, Sequence[Proposed]],
    holder: Holder | None = None,
    ask: Ask | None = None,
) -> Proposal:
    texts, in_records = seen
    folders = described.folders
    outside = add_folders(texts, folders) if holder is None else []
    of_folders = [typed_by_values(texts.connection, name, PLAIN, is_sure=True, nulls=False) for name in outside]
    columns = [*in_records, *of_folders]
    if ask:
        columns = asked_dates(ask, columns)
    mirrored = of_changes(texts, columns) if holder is None else None
    if mirrored:
        columns, identity = mirrored
    elif holder is None:
        identity = identity_of(texts, columns, described.files, outside)
    else:
        identity = elements_identity(holder)
    if ask and holder is None and not mirrored:
        identity = asked_identity(ask, texts, identity, described.files)
    columns += [identity.dated] if identity.dated else []
    files, parent = (holder.files, holder.parent) if holder and holder.files else (described.glob(outside), "")
    personal = {column.name for column in columns if is_personal(texts.connection, column.name)}
    if ask:
        personal = asked_personal(ask, columns, personal)
    unsure = [*kind.unsure, *_of_records(texts), *(doubt for column in columns for doubt in column.unsure)]
    unsure += [*identity.unsure, *_of_names(texts), *_of_nulls(kind.form, in_records)]
    unsure += folders.unsure(outside) if holder is None else []
    proposal = Proposal(
        source, "", columns, identity, kind.form, texts.records, unsure, texts.places, texts.lists, parent
    )
    shown = [replace(column, least="", most="") if column.name in personal else column for column in columns]
    return replace(proposal, yml=ProposedYml(proposal, owner, files, texts.absent, personal).text(), columns=shown)


def _with_nulls(
    paths: Sequence[Path], form: Format, tokens: Sequence[str], scratch: Path, tell: Callable[[str], object]
) -> Format:
    """The format with the texts that mean no value; in quotes too, where that takes it."""
    extended = replace(form, nulls=tuple(dict.fromkeys((*form.nulls, *tokens))))
    with texts_of(paths, extended, scratch, tell) as texts:
        columns = _columns(texts, extended, tell, nulls=True)
    return replace(extended, quoted_nulls=any(column.nulls for column in columns))


def _columns(texts: Texts, form: Format, tell: Callable[[str], object], *, nulls: bool) -> list[Proposed]:
    if texts.types:
        return [typed_by_file(texts.connection, name, texts.types[name]) for name in texts.names]
    has_numbers = (form.type == "jsonl" and form.elements is None) or form.sheet is not None
    guess = Spelling(",") if form.delimiter == ";" else Spelling(thousands=",")
    columns = []
    for name in texts.names:
        tell(f"looking at the values of {name}")
        if declared := texts.declared.get(name):
            columns.append(typed_by_schema(texts.connection, name, declared))
            continue
        if name in texts.lists and (listed := type_of_lists(texts.connection, name)):
            columns.append(typed_as_list(texts.connection, name, listed))
            continue
        columns.append(
            typed_by_values(texts.connection, name, guess, is_sure=False, nulls=nulls, has_numbers=has_numbers)
        )
    usual = usual_marks(columns)
    again = [
        column.name for column in columns if column.unsure and column.type.kind in ("integer", "decimal", "double")
    ]
    return [
        typed_by_values(texts.connection, column.name, usual, is_sure=True, nulls=nulls, has_numbers=has_numbers)
        if usual and column.name in again
        else column
        for column in columns
    ]


def _of_records(texts: Texts) -> list[str]:
    if not texts.malformed:
        return []
    return [f"records: {texts.malformed:,} are malformed and would be kept in quarantine; {texts.example or 'no JSON'}"]


def _of_names(texts: Texts) -> list[str]:
    absent = [f"{name}: {files:,} files do not have it, so it is optional" for name, files in texts.absent.items()]
    by_case = Counter(name.casefold() for name in texts.names)
    twice = [name for name in texts.names if by_case[name.casefold()] > 1]
    return absent + [f"{name}: some files write the name in other letters, and would be refused" for name in twice[:1]]


def _of_nulls(form: Format, columns: Sequence[Proposed]) -> list[str]:
    tokens = [token for token in form.nulls if token]
    if not tokens:
        return []
    words = [column.name for column in columns if column.type.kind == "text"]
    too = f", in {', '.join(words)} too" if words else ""
    return [f"nulls: {', '.join(map(repr, tokens))} was taken for no value{too}"]
