"""Commands that a project adds to those of the engine; `commands` in its `assay.toml` names them."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from assay.base.errors import UserError
from assay.base.project import MARKER, ProjectNotFound
from assay.base.user_code import raised_by_project
from assay.cli.console import complain

if TYPE_CHECKING:
    from assay.base.settings import Settings


class CommandsMissing(UserError):
    """The commands that a project names cannot be imported."""


class Commands(TyperGroup):
    """The engine's commands, and those of the project, which are imported only when one of them is asked for."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The engine's command of a name, or else the project's."""
        return super().get_command(ctx, cmd_name) or self._of_project().get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, for `--help`; which is shown also where the project's commands cannot be imported."""
        own = super().list_commands(ctx)
        try:
            return [*own, *self._of_project()]
        except UserError as error:
            complain(str(error))
            return own

    def _of_project(self) -> dict[str, Any]:
        from assay.base.settings import Settings  # noqa: PLC0415 - 0.1 s that a command of the engine should not cost

        try:
            settings = Settings.from_env()
        except ProjectNotFound:
            return {}
        commands = read_commands(settings)
        if same := sorted(set(commands) & set(self.commands)):
            raise CommandsMissing(
                f"commands in {settings.project / MARKER}: {settings.commands} has a command {same[0]!r}, which the "
                "engine has too"
            )
        return commands


def read_commands(settings: Settings) -> dict[str, Any]:
    """The commands of a project, by name; none where it names none.

    Raises:
        CommandsMissing: They cannot be imported.
    """
    if not settings.commands:
        return {}
    where = f"commands in {settings.project / MARKER}"
    if str(settings.project) not in sys.path:
        sys.path.insert(0, str(settings.project))
    module, _, name = settings.commands.partition(":")
    try:
        added = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        message = raised_by_project(error, settings.project) or str(error)
        raise CommandsMissing(f"{where}: {settings.commands} cannot be imported: {message}") from error
    except Exception as error:  # whatever the project's own code raises
        if message := raised_by_project(error, settings.project):
            raise CommandsMissing(f"{where}: {settings.commands} cannot be imported: {message}") from error
        raise
    if not isinstance(added, typer.Typer):
        raise CommandsMissing(f"{where}: {settings.commands} is a {type(added).__name__}; expected a Typer app")
    if len(added.registered_commands) == 1:  # Typer would make of it a command without a name
        added.callback()(lambda: None)
    return dict(get_group(added).commands)
