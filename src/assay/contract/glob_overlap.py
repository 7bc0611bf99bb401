"""Whether two globs can claim one path, decided exactly: the answer is an example, or that there is none.

The names that a part of a glob matches are a regular language. Two of them are walked side by side, a character at a
time, together with the names that nobody claims; the shortest name that both accept is the example.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import product

from assay.contract.file_glob import NEVER_CLAIMED, UNFINISHED, WITHIN, disk_and_members, file_glob

Token = Callable[[str], re.Match[str] | None] | None
"""What one place of a pattern accepts; None for `*`."""
_PLAIN = "xa1"
"""Tried first, so that an example is easy to read."""
_NOT_IN_NAMES = {"/", "\0"}
_SURROGATES = range(0xD800, 0xE000)


def shared_path(first: str, second: str) -> str | None:
    """A path that both globs claim, None when there is none; a glob with itself: a path that it claims.

    An archive that one takes for a file and the other opens is a path that both claim.

    Args:
        first: A contract's `files`.
        second: Another one's.
    """
    (place, members), (other_place, other_members) = disk_and_members(first), disk_and_members(second)
    path = _shared(place, other_place)
    if path is None or not (members and other_members):
        return path
    member = _shared(members, other_members)
    return None if member is None else path + WITHIN + member


def _shared(first: str, second: str) -> str | None:
    names = _shared_parts(file_glob(first).parts, file_glob(second).parts)
    return None if names is None else "/".join(names)


@lru_cache(maxsize=4096)
def _shared_parts(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...] | None:
    """The parts of a path that both match; both have at least one part, and the last one is not `**`."""
    if second[0] == "**" and first[0] != "**":
        return _shared_parts(second, first)
    if first[0] == "**":
        without = _shared_parts(first[1:], second)
        if without is not None:
            return without
        if second[0] == "**":
            return _shared_parts(first, second[1:])
        return _with_folder("*", second[0], first, second[1:])
    if len(first) == 1 and len(second) == 1:
        name = _shared_name(first[0], second[0], is_folder=False)
        return None if name is None else (name,)
    return _with_folder(first[0], second[0], first[1:], second[1:])


def _with_folder(one: str, other: str, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...] | None:
    """A folder that two parts match, with a path below it that the rests match."""
    if not first or not second:
        return None
    folder = _shared_name(one, other, is_folder=True)
    rest = None if folder is None else _shared_parts(first, second)
    return None if folder is None or rest is None else (folder, *rest)


@lru_cache(maxsize=4096)
def _shared_name(one: str, other: str, *, is_folder: bool) -> str | None:
    """The shortest name that two parts match and a source may claim."""
    name = _search(one, other, ())
    if name is None or is_folder or not name.endswith(UNFINISHED):
        return name
    return _search(one, other, tuple(f"*{ending}" for ending in UNFINISHED))


def _search(one: str, other: str, unwanted: tuple[str, ...]) -> str | None:
    """Walk all names that both parts match, the shortest first, until one matches nothing that is unwanted."""
    first, second, avoided = _Name(one), _Name(other), [_Name(part) for part in unwanted]
    alphabet = _alphabet([first, second, *avoided, *map(_Name, NEVER_CLAIMED)])
    begin = tuple(frozenset(name.start()) for name in avoided)
    queue = deque(("", state) for state in product(first.start(), second.start(), [begin]))
    seen = set()  # the beginning is not in it: no name is empty
    while queue:
        name, (at, beside, places) = queue.popleft()
        for character in alphabet:
            if not name and character in NEVER_CLAIMED:
                continue
            after = tuple(part.step_all(there, character) for part, there in zip(avoided, places, strict=True))
            for state in product(first.step(at, character), second.step(beside, character), [after]):
                if state in seen:
                    continue
                seen.add(state)
                if first.is_end(state[0]) and second.is_end(state[1]) and not _is_any_end(avoided, after):
                    return name + character
                queue.append((name + character, state))
    return None


class _Name:
    """The automaton of one part of a glob; a place is the number of tokens that are used up."""

    def __init__(self, part: str) -> None:
        self.tokens: list[Token] = []
        self.marks: set[str] = set()
        for text in _places(part):
            self.tokens.append(None if text == "*" else re.compile(translate(text)).match)
            self.marks |= set(text) if text not in ("*", "?") else set()

    def start(self) -> list[int]:
        return self._with_stars(0)

    def is_end(self, place: int) -> bool:
        return place == len(self.tokens)

    def step(self, place: int, character: str) -> list[int]:
        """The places after one more character."""
        if self.is_end(place):
            return []
        token = self.tokens[place]
        if token is None:
            return self._with_stars(place)
        return self._with_stars(place + 1) if token(character) else []

    def step_all(self, places: frozenset[int], character: str) -> frozenset[int]:
        """The places after one more character, of all that were possible."""
        return frozenset(after for place in places for after in self.step(place, character))

    def _with_stars(self, place: int) -> list[int]:
        """A place, and those after it when `*` stands for nothing."""
        places = [place]
        while place < len(self.tokens) and self.tokens[place] is None:
            place += 1
            places.append(place)
        return places


def _is_any_end(names: Sequence[_Name], places: Sequence[frozenset[int]]) -> bool:
    return any(name.is_end(place) for name, at in zip(names, places, strict=True) for place in at)


def _places(part: str) -> Iterator[str]:
    """`a[b-d]*` → `a`, `[b-d]`, `*`, with the same end of a class as in `fnmatch`; a literal `[` becomes `[[]`."""
    index = 0
    while index < len(part):
        end = index + 1
        if part[index] == "[":
            end += part[end : end + 1] == "!"
            end = part.find("]", end + (part[end : end + 1] == "]")) + 1
        is_class = part[index] == "[" and end > 0
        end = end if is_class else index + 1
        yield part[index:end] if is_class or part[index] != "[" else "[[]"
        index = end


def _alphabet(machines: Sequence[_Name]) -> list[str]:
    """One character of each set of characters that no pattern tells apart.

    Patterns tell characters apart only at those that they mention: each of these, and the next one after it.
    """
    marks = {mark for machine in machines for mark in machine.marks} | _NOT_IN_NAMES
    chosen = [*_PLAIN, *sorted(marks), *(_next(mark) for mark in sorted(marks))]
    tokens = [token for machine in machines for token in machine.tokens if token is not None]
    by_answers: dict[tuple[bool, ...], str] = {}
    for character in chosen:
        if character not in _NOT_IN_NAMES:
            by_answers.setdefault(tuple(token(character) is not None for token in tokens), character)
    return list(by_answers.values())


def _next(mark: str) -> str:
    number = min(ord(mark) + 1, 0x10FFFF)
    return chr(_SURROGATES.stop if number in _SURROGATES else number)
