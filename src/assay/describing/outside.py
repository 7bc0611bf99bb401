"""Columns that stand outside of the records of some files: in their folders as Hive writes them, and in their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.contract.moments import pattern
from assay.contract.names import literal, quoted
from assay.contract.path_template import path_template
from assay.contract.types import column_type
from assay.describing.column_types import Proposed
from assay.describing.texts import FILE, Texts

_FOLDER = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=.*", re.DOTALL)
_CLOCK = re.compile(r"%-?[HIMSfsp]")
FILE_DATE = "file_date"
"""What a column with the moment of the file's name is called."""


@dataclass(frozen=True)
class Folders:
    """The folders `key=value` in which all of some files are.

    Attributes:
        keys: From outside to inside; none where not all files are in such folders of the same keys.
        values: Of each file, its texts by key.
    """

    keys: tuple[str, ...]
    values: tuple[dict[str, str | None], ...]

    def glob(self, outside: Sequence[str]) -> str:
        """The folders as a part of `files`, with a slash behind them.

        Args:
            outside: The keys that are columns; of any other, which records have themselves, all values fit.
        """
        return "".join(f"{key}={f'{{{key}}}' if key in outside else '*'}/" for key in self.keys)

    def with_inner(self, inner: Folders) -> Folders:
        """These and further ones in them, which win over these where both have a key."""
        taken = {key.lower() for key in inner.keys}
        keys = tuple(key for key in self.keys if key.lower() not in taken)
        values = zip(self.values, inner.values, strict=True)
        return Folders((*keys, *inner.keys), tuple({**outer, **own} for outer, own in values))

    def unsure(self, outside: Sequence[str]) -> list[str]:
        """What a person should look at, in sentences."""
        both = [key for key in self.keys if key not in outside]
        return [f"{key}: stands in folders and in records, and was taken from the records" for key in both]


def folders_of(paths: Sequence[Path]) -> Folders:
    """The folders `key=value` that stand directly above all of some files."""
    above = [_keys_above(path) for path in paths]
    keys = above[0]
    is_usable = all(other == keys for other in above) and len({key.lower() for key in keys}) == len(keys)
    if not keys or not is_usable:
        return Folders((), tuple({} for _ in paths))
    template = path_template("/".join(f"{key}={{{key}}}" for key in keys) + "/*")
    values: list[dict[str, str | None]] = []
    for path in paths:
        [cut] = template.cuts("/".join(path.absolute().parts[-len(keys) - 1 :]))
        try:
            values.append({key: template.value(key, text) for key, text in cut.items()})
        except UnicodeDecodeError:
            return Folders((), tuple({} for _ in paths))
    return Folders(keys, tuple(values))


def _keys_above(path: Path) -> tuple[str, ...]:
    keys: list[str] = []
    for folder in reversed(path.absolute().parts[:-1]):
        match = _FOLDER.fullmatch(folder)
        if match is None:
            break
        keys.insert(0, match[1])
    return tuple(keys)


def add_folders(texts: Texts, folders: Folders) -> list[str]:
    """Add the values of folders to the records, as texts; gives the names of those that records do not have."""
    taken = {name.lower() for name in texts.names}
    added = [key for key in folders.keys if key.lower() not in taken]
    for key in added:
        _add(texts, key, "varchar", [values[key] for values in folders.values])
    return added


def add_moment(texts: Texts, dated: str, paths: Sequence[Path]) -> Proposed:
    """Add the moments of the files' names to the records, as a column that no record has.

    Args:
        texts: The records.
        dated: The pattern of the names.
        paths: The files.
    """
    name = FILE_DATE if FILE_DATE not in {known.lower() for known in texts.names} else f"{FILE_DATE}_of_name"
    wanted = column_type("timestamp" if _CLOCK.search(dated) else "date")
    moments = [pattern(dated).read(path.name) for path in paths]
    _add(texts, name, wanted.sql, [moment.isoformat(" ") if moment else None for moment in moments])
    ordered = sorted(str(moment if wanted.kind == "timestamp" else moment.date()) for moment in moments if moment)
    return Proposed(name, wanted, filled=texts.records, least=ordered[0], most=ordered[-1])


def _add(texts: Texts, name: str, sql_type: str, values: Sequence[str | None]) -> None:
    cases = " ".join(f"when {at} then {literal(text)}" for at, text in enumerate(values) if text is not None)
    value = f"case {FILE} {cases} end::{sql_type}" if cases else f"null::{sql_type}"
    texts.connection.execute(f"alter table described add column {quoted(name)} {sql_type}")
    texts.connection.execute(f"update described set {quoted(name)} = {value}")
    texts.names.append(name)
