"""Globs with names in braces, such as `sales/region={region}/{day}_*.csv`: what a path says of its records.

Belongs here: texts alone. What they are in the types of their columns is for `assay.reading.path_values`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from assay.contract.errors import ContractError

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""How Hive and Spark write NULL into the name of a folder."""
_NAMED = re.compile(r"\{([^{}\[\]/]+)\}")
_HIVE_KEY = re.compile(r"[^=]+=")
_PIECE = re.compile(r"\{[^{}\[\]/]+\}|\*+|\?|\[!?\]?[^\]]*\]|[^*?\[{]+|.", re.DOTALL)


@dataclass(frozen=True)
class _Token:
    """A piece of a glob: a text, one character, any text within a part, or any folders.

    Attributes:
        kind: Which of these.
        text: The text, or the class of the one character.
        column: The column that any text is of; empty for none.
        is_hive: Whether a key and `=` stand before it in its part, so that it is written as Hive writes values.
    """

    kind: Literal["text", "one", "any", "folders"]
    text: str = ""
    column: str = ""
    is_hive: bool = False


class PathTemplate:
    """A contract's `files` with the names of columns in braces.

    Args:
        text: e.g. `sales/region={region}/*.csv`.

    Attributes:
        glob: The same with `*` in the place of each name.
        columns: The names, in their order.

    Raises:
        ContractError: A name stands there twice, or nothing tells where one ends.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.glob = _NAMED.sub("*", text)
        self._tokens = list(_tokens(text))
        self.columns = [token.column for token in self._tokens if token.column]
        self._is_hive = {token.column: token.is_hive for token in self._tokens if token.column}
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise ContractError(f"files: {{{twice[0]}}} stands there twice; write * in one of the two places")
        for one, other in zip(self._tokens, self._tokens[1:], strict=False):
            if one.kind == other.kind == "any" and (one.column or other.column):
                raise ContractError(
                    f"files: nothing stands between {{{one.column or other.column}}} and what follows or goes before "
                    "it, so a name does not tell where it ends"
                )

    def cuts(self, path: str) -> Iterator[dict[str, str]]:
        """Each way in which the glob matches a path, as the texts of the columns.

        Args:
            path: Relative to the landing zone, `/` between folders.
        """
        dead: set[tuple[int, int]] = set()

        def walk(at: int, start: int, taken: dict[str, str]) -> Iterator[dict[str, str]]:
            if at == len(self._tokens):
                if start == len(path):
                    yield taken
                return
            if (at, start) in dead:
                return
            has_any = False
            token = self._tokens[at]
            for end in _ends(token, path, start):
                cut = {**taken, token.column: path[start:end]} if token.column else taken
                for whole in walk(at + 1, end, cut):
                    has_any = True
                    yield whole
            if not has_any:
                dead.add((at, start))

        return walk(0, 0, {})

    def value(self, column: str, text: str) -> str | None:
        """The text of a value, of what stands in the path; None for Hive's NULL.

        Args:
            column: The column.
            text: Its text in the path, of which `region=New%20York` is decoded and any other stands as it is.

        Raises:
            UnicodeDecodeError: What is encoded is not UTF-8.
        """
        if not self._is_hive[column]:
            return text
        return None if text == HIVE_NULL else unquote(text, errors="strict")


def _tokens(text: str) -> Iterator[_Token]:
    *folders, name = text.split("/")
    for folder in folders:
        if folder == "**":
            yield _Token("folders")
        else:
            yield from _of_part(folder)
            yield _Token("text", "/")
    yield from _of_part(name)


def _of_part(part: str) -> Iterator[_Token]:
    before = ""
    for piece in _PIECE.findall(part):
        named = _NAMED.fullmatch(piece)
        if named:
            yield _Token("any", column=named[1], is_hive=bool(_HIVE_KEY.fullmatch(before)))
        elif set(piece) == {"*"}:
            yield _Token("any")
        elif piece == "?" or (piece[0] == "[" and len(piece) > 1):
            yield _Token("one", translate(piece))
        else:
            yield _Token("text", piece)
        before += piece


def _ends(token: _Token, path: str, start: int) -> Sequence[int]:
    """Where a token that begins at a place of a path may end."""
    if token.kind == "text":
        return [start + len(token.text)] if path.startswith(token.text, start) else []
    if token.kind == "one":
        is_one = path[start : start + 1] not in ("", "/") and re.match(token.text, path[start])
        return [start + 1] if is_one else []
    if token.kind == "any":
        slash = path.find("/", start)
        return range(start, (slash if slash >= 0 else len(path)) + 1)
    return [start, *(match.end() for match in re.finditer("/", path) if match.start() >= start)]


@lru_cache(maxsize=256)
def path_template(text: str) -> PathTemplate:
    """The template of a contract.

    Raises:
        ContractError: As of `PathTemplate`.
    """
    return PathTemplate(text)
