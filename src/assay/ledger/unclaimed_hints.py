"""Why a file is probably claimed by no source, in a few words, from names alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath

from assay.contract.contract import Contract
from assay.contract.file_glob import file_glob

READ_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
ARCHIVE = ".zip"
OTHER_COMPRESSED = (".lz4", ".7z", ".br", ".snappy", ".tar", ".tgz", ".rar", ".z")
CLOSE = 0.75
"""How alike names of folders are, of 1: a letter too many, too few or swapped in a word of six is over it."""


def hint_for(name: str, contracts: Sequence[Contract]) -> str:
    """What is probably the matter with a path.

    Args:
        name: Relative to the landing zone, as the operating system gives it.
        contracts: Of all sources.
    """
    return next(_hints(name, contracts))


def _hints(name: str, contracts: Sequence[Contract]) -> Iterator[str]:
    *folders, last = name.split("/")
    if not _is_utf8(name):
        yield "the name is not valid UTF-8; rename the file"
    if any(part.startswith("_") for part in (*folders, last)):
        yield "names that begin with `_` are left alone; rename it"
    yield from _in_folder_of_archives(name, contracts)
    yield from _like(
        name.lower(), contracts, lambda glob: f"differs only in upper and lower case from {glob}", lower=True
    )
    trimmed = "/".join(part.strip() for part in (*folders, last))
    if trimmed != name:
        yield from _like(trimmed.lower(), contracts, lambda glob: f"has a blank too many for {glob}", lower=True)
    yield from _compressed(name, last, contracts)
    yield from _moved(folders, last, contracts)
    yield from _folders("/".join(folders), contracts)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _like(
    name: str, contracts: Sequence[Contract], in_words: Callable[[str], str], *, lower: bool = False
) -> Iterator[str]:
    """A hint for each glob that claims another name."""
    for contract in contracts:
        if file_glob(contract.paths.lower() if lower else contract.paths).claims(name):
            yield in_words(f"{contract.files!r} of {contract.source}")


def _in_folder_of_archives(name: str, contracts: Sequence[Contract]) -> Iterator[str]:
    """A hint that the glob of a source would claim the name if `!` did not stand for an archive there."""
    for contract in contracts:
        if contract.members and file_glob(contract.files).claims(name):
            mark = f"`!` stands for an archive in {contract.files!r} of {contract.source}"
            yield f"{mark}, and this lies in a folder whose name ends in it; rename the folder"


def _compressed(name: str, last: str, contracts: Sequence[Contract]) -> Iterator[str]:
    ending = PurePosixPath(last).suffix.lower()
    if ending == ARCHIVE:
        words = "is a zip archive, whose members can be read if `files` says so, as in 'in/*.zip!/*.csv'; unlike %s"
    elif ending in READ_COMPRESSED:
        words = f"is compressed, which can be read, but its ending {ending} is not in %s; change `files`"
    elif ending in OTHER_COMPRESSED:
        words = f"is packed as {ending}, which cannot be read; unpack it for %s"
    else:
        return
    yield from _like(name[: -len(ending)].lower(), contracts, lambda glob: words % glob, lower=True)


def _moved(folders: Sequence[str], last: str, contracts: Sequence[Contract]) -> Iterator[str]:
    """Hints that the file would be claimed in a folder above, or in that of a source."""
    for depth in range(len(folders) - 1, 0, -1):
        above = "/".join([*folders[:depth], last])
        yield from _like(above, contracts, lambda glob: f"lies in a sub-folder of where {glob} looks")
    if not folders:
        for contract in contracts:
            folder = file_glob(contract.paths).fixed_folder
            place = f"{folder}/{last}"
            if folder and file_glob(contract.paths).claims(place):
                yield f"lies in the landing zone itself; {contract.files!r} of {contract.source} would claim {place!r}"
        yield "lies in the landing zone itself; sources have folders"


def _folders(folder: str, contracts: Sequence[Contract]) -> Iterator[str]:
    """What is known about the folder that a file is in."""
    by_folder = {file_glob(contract.paths).fixed_folder: contract for contract in contracts}
    here = [c for known, c in by_folder.items() if known and f"{folder}/".startswith(f"{known}/")]
    if here:
        yield f"does not match {here[0].files!r} of {here[0].source}"
    alike = get_close_matches(folder.lower(), [known.lower() for known in by_folder], n=1, cutoff=CLOSE)
    if alike:
        known = next(known for known in by_folder if known.lower() == alike[0])
        yield f"the folder is called almost like {known!r} of {by_folder[known].source}"
    yield "no source looks in this folder"
