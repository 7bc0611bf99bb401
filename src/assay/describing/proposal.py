"""A contract for files that have none, as a yml with what was seen beside it."""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.contract.format import Format
from assay.contract.names import TableName
from assay.contract.spelling import PLAIN, Spelling
from assay.describing.column_types import Proposed, typed_by_file, typed_by_values, usual_marks
from assay.describing.file_kind import kind_of
from assay.describing.keys import Identity, glob_of, identity_of
from assay.describing.kinds import Kind
from assay.describing.outside import Folders, add_folders, folders_of
from assay.describing.personal import is_personal
from assay.describing.texts import Texts, texts_of

_FOLDED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae"}


@dataclass(frozen=True)
class Proposal:
    """What was found.

    Attributes:
        source: The source.
        yml: The file to write.
        columns: With their types.
        identity: Key, load and what wins.
        form: How the files are written.
        records: Whole records in them.
        unsure: What a person should look at, in sentences.
    """

    source: str
    yml: str
    columns: Sequence[Proposed]
    identity: Identity
    form: Format
    records: int
    unsure: Sequence[str]


def propose(source: str, paths: Sequence[Path], owner: str, tell: Callable[[str], object] = lambda _: None) -> Proposal:
    """Look at all records of some files and propose a contract under which they load.

    Args:
        source: What the source is to be called.
        paths: The files.
        owner: The team that answers for it.
        tell: Told what happens now.

    Raises:
        Undescribable: No contract can say how the files are written.
    """
    tell("looking at how the files are written")
    kind, folders = kind_of(paths), folders_of(paths)
    with tempfile.TemporaryDirectory(prefix="assay-source-") as folder:
        scratch = Path(folder)
        with texts_of(paths, kind.form, scratch, tell) as texts:
            columns = _columns(texts, kind.form, tell, nulls=kind.form.type == "csv")
            tokens = [token for column in columns for token in column.nulls]
            if not tokens:
                return _proposal(source, paths, owner, kind, (texts, columns, folders))
        form = _with_nulls(paths, kind.form, tokens, scratch, tell)
        with texts_of(paths, form, scratch, tell) as texts:
            columns = _columns(texts, form, tell, nulls=False)
            return _proposal(source, paths, owner, replace(kind, form=form), (texts, columns, folders))


def _proposal(
    source: str, paths: Sequence[Path], owner: str, kind: Kind, seen: tuple[Texts, Sequence[Proposed], Folders]
) -> Proposal:
    texts, in_records, folders = seen
    outside = add_folders(texts, folders)
    of_folders = [typed_by_values(texts.connection, name, PLAIN, is_sure=True, nulls=False) for name in outside]
    columns = [*in_records, *of_folders]
    identity = identity_of(texts, columns, paths, outside)
    columns += [identity.dated] if identity.dated else []
    personal = {column.name for column in columns if is_personal(texts.connection, column.name)}
    unsure = [*kind.unsure, *_of_records(texts), *(doubt for column in columns for doubt in column.unsure)]
    unsure += [*identity.unsure, *_of_names(texts), *_of_nulls(kind.form, in_records), *folders.unsure(outside)]
    proposal = Proposal(source, "", columns, identity, kind.form, texts.records, unsure)
    files = glob_of(source, paths, folders.glob(outside))
    return replace(proposal, yml=_Yml(proposal, owner, files, texts.absent, personal).text())


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
    guess = Spelling(",") if form.delimiter == ";" else Spelling(thousands=",")
    columns = []
    for name in texts.names:
        tell(f"looking at the values of {name}")
        columns.append(typed_by_values(texts.connection, name, guess, is_sure=False, nulls=nulls))
    usual = usual_marks(columns)
    again = [
        column.name for column in columns if column.unsure and column.type.kind in ("integer", "decimal", "double")
    ]
    return [
        typed_by_values(texts.connection, column.name, usual, is_sure=True, nulls=nulls)
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


class _Yml:
    """Writes the yml: a contract, and what was seen of each column as comments."""

    def __init__(
        self, proposal: Proposal, owner: str, files: str, absent: Mapping[str, int], personal: set[str]
    ) -> None:
        self._source, self._form, self._identity = proposal.source, proposal.form, proposal.identity
        self._columns, self._records = proposal.columns, proposal.records
        self._owner, self._files, self._absent, self._personal = owner, files, absent, personal

    def text(self) -> str:
        """The whole file."""
        lines = [
            "models:",
            f"  - name: {TableName.of_source(self._source).model}",
            f"    description: {_scalar(self._grain)}",
            "    config:",
            "      meta:",
            "        contract:",
            "          version: 1.0.0",
            f"          owner: {_scalar(self._owner)}",
            f"          files: {_scalar(self._files)}",
            f"          format: {_flow(self._format)}",
            f"          load: {self._identity.load}",
        ]
        if not self._identity.key:
            lines.append("          key: none")
        if self._identity.file_date:
            lines.append(f"          newest_by: {_flow({'file_date': self._identity.file_date})}")
        if self._identity.newest_by:
            lines.append(f"          newest_by: {_scalar(self._identity.newest_by)}")
        lines.append("          new_columns: rescue")
        if self._identity.key:
            lines += [
                "    constraints:",
                f"      - {_flow({'type': 'primary_key', 'columns': list(self._identity.key)})}",
            ]
        lines.append("    columns:")
        for column in self._columns:
            lines += self._column(column)
        return "\n".join([*lines, *self._silver()]) + "\n"

    @property
    def _format(self) -> dict[str, Any]:
        form = {"type": self._form.type, **self._form.form}
        if self._form.records is not None:
            form["type"] = "json"
        if self._form.sheet is not None:
            form["type"] = "excel"
        if isinstance(self._form.preamble, str):
            form["preamble"] = {"until": self._form.preamble}
        return form

    @property
    def _grain(self) -> str:
        return f"One row per {', '.join(self._identity.key) or f'record of {self._source}'}."

    def _column(self, column: Proposed) -> list[str]:
        lines = [f"      - name: {_scalar(column.name)}", f"        data_type: {_scalar(column.type.sql)}"]
        meta: dict[str, Any] = {}
        if column is self._identity.dated:
            meta["from"] = "_file_date"
        if column.name in self._absent:
            meta["optional"] = True
        if column.name in self._personal:
            meta["personal"] = True
        if column.type.spelling != PLAIN:
            meta["written"] = _written(column.type.spelling)
        if meta:
            lines.append(f"        config: {_flow({'meta': meta})}")
        lines += [f"        # {seen}" for seen in self._seen(column)]
        return lines

    def _seen(self, column: Proposed) -> list[str]:
        """What was observed, as rules that one may want."""
        empty = self._records - column.filled
        seen = []
        if not empty and column.name not in (*self._identity.key, *self._absent):
            seen.append(f"never empty in {self._records:,} records; a rule: constraints: [{{type: not_null}}]")
        elif empty:
            seen.append(f"empty in {empty:,} of {self._records:,} records")
        if column.least and column.type.kind not in ("text", "boolean") and column.name not in self._personal:
            seen.append(_one_line(f"from {column.least} to {column.most}"))
        return seen

    def _silver(self) -> list[str]:
        """A silver table with clean names, where those of the files are not."""
        names = clean_names([column.name for column in self._columns])
        if all(name == clean for name, clean in names.items()):
            return []
        key = [names[name] for name in self._identity.key]
        meta = {"owner": self._owner, **({} if key else {"key": "none"})}
        lines = [
            "",
            f"  - name: {TableName('silver', self._source).model}",
            f"    description: {_scalar(self._grain)}",
            f"    config: {_flow({'meta': meta})}",
        ]
        lines += ["    constraints:", f"      - {_flow({'type': 'primary_key', 'columns': key})}"] if key else []
        lines.append("    columns:")
        for column in self._columns:
            extra: dict[str, Any] = {"from": column.name} if names[column.name] != column.name else {}
            extra |= {"personal": True} if column.name in self._personal else {}
            entry: dict[str, Any] = {"name": names[column.name], "data_type": column.type.sql}
            entry |= {"config": {"meta": extra}} if extra else {}
            lines.append(f"      - {_flow(entry)}")
        return lines


def clean_names(names: Sequence[str]) -> dict[str, str]:
    """Names for SQL of the names in files, each once.

    Letters without accents in lower case, digits and `_`; `n_` before a digit; a number behind one that is taken.
    """
    clean: dict[str, str] = {}
    for name in names:
        text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
        text = "".join(_FOLDED.get(letter, letter) for letter in text.lower())
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        text = re.sub(r"[^a-z0-9]+", "_", text).strip("_") or "column"
        text = f"n_{text}" if text[0].isdigit() else text
        taken, number = text, 2
        while taken in clean.values():
            taken, number = f"{text}_{number}", number + 1
        clean[name] = taken
    return clean


def _written(spelling: Spelling) -> Mapping[str, Any]:
    return spelling.form


def _flow(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool | int):
        return str(value).lower()
    return _scalar(str(value))


def _scalar(text: str) -> str:
    """A text as YAML; in quotes unless it is a plain word."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in _WORDS
    return text if is_plain else json.dumps(text, ensure_ascii=False)


_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def _one_line(text: str) -> str:
    return " ".join(text.split())
