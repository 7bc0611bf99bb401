"""Files for a contract that does not exist yet, of which some may be members of zip archives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from assay.base.archive_limits import ArchiveLimits
from assay.contract.file_glob import WITHIN, file_glob, may_be_claimed
from assay.describing.keys import glob_of
from assay.describing.kinds import Undescribable
from assay.describing.outside import Folders, folders_of
from assay.text import NoRoom, Unreadable
from assay.text.room import Room
from assay.text.stream import open_regular
from assay.text.zip_archive import MARK, Member, content_of, members

_OF_SPREADSHEETS = {"[Content_Types].xml", "content.xml"}
"""Members of the archives that workbooks are."""
_SHOWN = 5


@dataclass(frozen=True)
class Described:
    """What is described.

    Attributes:
        files: Each with its own content: members are unpacked.
        folders: The folders `key=value` that each is in, on disk and in its archive.
        glob: For a contract: these files, and those that follow; given which of these folders are columns.
    """

    files: Sequence[Path]
    folders: Folders
    glob: Callable[[Sequence[str]], str]


def split_path(path: Path) -> tuple[Path, str]:
    """The path on disk, and the glob of the members that are meant: `a.zip!/x*.csv`; empty for all of it."""
    place, _, glob = str(path).partition(WITHIN)
    if glob and ("**" in glob.split("/")[-1] or glob.startswith("/")):
        raise Undescribable(f"{path}: {glob!r} is not a glob of members such as '*.csv' or '**/*.csv'")
    return (Path(place), glob) if glob else (path, "")


@contextmanager
def described(source: str, paths: Sequence[Path], limits: ArchiveLimits) -> Iterator[Described]:
    """The files, for the block, with members in place of their archives.

    Args:
        source: What the source is to be called.
        paths: Files, archives, and archives with a glob of members behind them.
        limits: What an archive may be at most.

    Raises:
        Undescribable: Some are in archives and others are not, or an archive has nothing that fits.
    """
    chosen = {path: _chosen(*split_path(path), limits) for path in paths}
    archives = {path: listed for path, listed in chosen.items() if listed is not None}
    if not archives:
        folders = folders_of(paths)
        yield Described(paths, folders, lambda outside: glob_of(source, paths, folders.glob(outside)))
        return
    others = [path.name for path in paths if path not in archives]
    if others:
        raise Undescribable(f"{others[0]} is not in an archive and other files are; a source has one of the two")
    given = {split_path(path)[1] for path in paths} - {""}
    parts = [(split_path(path)[0], member) for path, listed in archives.items() for member in listed]
    with TemporaryDirectory(prefix="assay-source-") as folder:
        files = [_unpack(Path(folder) / str(number), *part) for number, part in enumerate(parts)]
        yield _of_members(source, files, parts, given.pop() if len(given) == 1 else "")


def _of_members(source: str, files: Sequence[Path], parts: Sequence[tuple[Path, Member]], given: str) -> Described:
    """Unpacked members of archives, which may lie in folders `key=value` of the disk, of the archive, or of both."""
    places = [place for place, _ in parts]
    names = [PurePosixPath(member.name) for _, member in parts]
    within = given or _glob_of_members(names)
    is_open = within.rpartition("/")[0] == "**"
    outer, inner = folders_of(places), folders_of([Path("/", name if is_open else name.name) for name in names])

    def glob(outside: Sequence[str]) -> str:
        on_disk = [key for key in outside if key not in inner.keys]
        members = within.replace("**/", f"**/{inner.glob(outside)}")
        return glob_of(source, places, outer.glob(on_disk)) + WITHIN + members

    return Described(files, outer.with_inner(inner), glob)


def _chosen(path: Path, glob: str, limits: ArchiveLimits) -> list[Member] | None:
    """The members of an archive that are meant; None of what is not an archive."""
    try:
        with open_regular(path) as file:
            if not file.read(len(MARK)).startswith(MARK):
                return None
        listed = members(path, limits)
    except FileNotFoundError as error:
        raise Undescribable(f"{path}: there is no such file") from error
    except Unreadable as error:
        raise Undescribable(f"{path.name}: {error}") from error
    if not glob and _OF_SPREADSHEETS & {member.name for member in listed}:
        return None
    claims = file_glob(glob or "**/*").claims
    meant = [member for member in listed if claims(member.name)]
    bad = next((member for member in meant if member.problem), None)
    if bad:
        raise Undescribable(f"{path.name}{WITHIN}{bad.name}: {bad.problem}")
    if not meant:
        there = [member.name for member in listed if may_be_claimed(PurePosixPath(member.name).name)]
        raise Undescribable(f"{path.name} has no member {glob or '*'!r}; it has {', '.join(there[:_SHOWN]) or 'none'}")
    _refuse_several(path, meant)
    return meant


def _refuse_several(path: Path, meant: Sequence[Member]) -> None:
    """Refuse members with several endings: whose they are only a person knows."""
    endings = {PurePosixPath(member.name).suffix for member in meant}
    if len(endings) > 1:
        most = Counter(PurePosixPath(member.name).suffix for member in meant).most_common(1)[0][0]
        folders = "**/" if any("/" in member.name for member in meant) else ""
        example = f"{path.name}{WITHIN}{folders}*{most or min(endings - {''})}"
        shown = ", ".join(member.name for member in meant[:_SHOWN])
        raise Undescribable(
            f"{path.name} has members of several kinds ({shown}); a source has one, so choose, as in {example!r}"
        )


def _glob_of_members(names: Sequence[PurePosixPath]) -> str:
    """A glob of members like these: by their endings, in any folder where some are in one."""
    is_flat = all(len(name.parts) == 1 for name in names)
    glob = glob_of("x", [Path(name) for name in names]).removeprefix("x/")
    return glob if is_flat else f"**/{glob}"


def _unpack(folder: Path, path: Path, member: Member) -> Path:
    folder.mkdir()
    target = folder / PurePosixPath(member.name).name
    try:
        Room(folder).take(member.size)
        with target.open("wb") as file:
            file.writelines(content_of(path, member))
    except (Unreadable, NoRoom) as error:
        raise Undescribable(f"{path.name}{WITHIN}{member.name}: {error}") from error
    return target
