"""Who sees values about people in what commands print: nobody, unless a setting names the user and the user asks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assay.base.errors import UserError

if TYPE_CHECKING:
    from assay.base.settings import Settings

Clear = Annotated[
    bool, typer.Option("--clear", help="Show values about people as they are; the setting clear_for names who may.")
]


class NotForYou(UserError):
    """The user is not among those who see clear values."""


def assert_may_see(settings: Settings) -> None:
    """Check that who runs this command may see values about people as they are.

    Raises:
        NotForYou: The setting does not name the user.
    """
    user = _user()
    if user not in settings.clear_for.split():
        named = f"it names {settings.clear_for!r}" if settings.clear_for.split() else "it names nobody"
        raise NotForYou(
            f"--clear shows values about people, and the setting clear_for does not name {user!r}: {named}; "
            "ask whoever keeps the project to add the name to assay.toml, or leave --clear out"
        )


def _user() -> str:
    """Whose process this is, whatever the environment says."""
    if sys.platform == "win32":
        return os.getlogin()
    import pwd  # noqa: PLC0415 - not there on Windows

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.geteuid())
