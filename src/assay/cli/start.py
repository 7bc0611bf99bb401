"""The entry point of the command `assay`: without it, `assay.cli.main` takes two seconds longer to begin and to end."""

import sys
from collections.abc import Sequence
from typing import NoReturn

from assay.base.left_out import leave_out_pandas
from assay.orchestration.patches.gc_tuning import collect_seldom, leave_uncollected
from assay.orchestration.patches.registry import UnknownPatch

USAGE = 2
_WITHOUT_PANDAS = frozenset({"status", "files", "slo", "incidents", "feed", "land", "schema", "query"})
"""Commands that only read what is small, or hand rows on as Arrow has them."""
NO_WINDOWS = (
    "Assay runs on Linux and macOS; on Windows install it inside WSL (`wsl --install`), where it runs as on Linux"
)


def main() -> None:
    """Run a command; on a system that cannot run any, end with a message before any import fails there."""
    if sys.platform == "win32":
        _refuse(NO_WINDOWS)
    try:
        collect_seldom()
    except UnknownPatch as error:
        _refuse(str(error))
    if _command(sys.argv[1:]) in _WITHOUT_PANDAS:
        leave_out_pandas()
    from assay.cli.main import main as command  # noqa: PLC0415 - what it imports is what should not be slowed down

    try:
        command()
    finally:
        leave_uncollected()


def _command(arguments: Sequence[str]) -> str:
    """The command that is asked for; empty for none."""
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            return argument
        if argument in ("--project", "--home"):
            next(rest, None)
    return ""


def _refuse(sentence: str) -> NoReturn:
    sys.stderr.write(f"assay: {sentence}\n")
    sys.exit(USAGE)
