"""The project as it stands at another commit of its git repository."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from assay.base.errors import UserError
from assay.base.settings import Settings


class NoSuchProject(UserError):
    """The project cannot be had from git."""


@contextmanager
def project_at(settings: Settings, ref: str) -> Iterator[Settings]:
    """A copy of the project at a commit, in a folder that is gone after the block; it has no lake.

    Args:
        settings: The lake, whose project lies in a git repository.
        ref: A branch, tag or commit, such as `origin/main`.

    Raises:
        NoSuchProject: There is no repository, no such commit, or no project in it.
    """
    top = Path(_git(settings.dbt_project, "rev-parse", "--show-toplevel").decode().removesuffix("\n"))
    commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", asked=ref).decode()
    place = settings.dbt_project.resolve().relative_to(top.resolve())
    packed = _git(top, "archive", "--format=tar", commit.strip(), "--", str(place), asked=f"{ref}:{place}")
    with TemporaryDirectory(prefix="assay-plan-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        dbt_project = Path(folder) / place
        yield settings.model_copy(update={"dbt_project": dbt_project, "home": Path(folder) / "no lake"})


def _git(folder: Path, *arguments: str, asked: str = "") -> bytes:
    try:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell reads it
    except FileNotFoundError as error:
        raise NoSuchProject("--against: git is not installed, and it knows the project as it was") from error
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip() or f"{asked!r} is not a branch, tag or commit"
        raise NoSuchProject(f"--against: git does not give the project of {folder}: {message}")
    return done.stdout
