"""Commands that a project adds to those of the engine; `commands` in its `assay.toml` names them."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from assay.base.errors import UserError
from assay.base.project import MARKER, ProjectNotFound
from assay.base.settings import Settings
from assay.base.user_code import where_raised


class CommandsMissing(UserError):
    """The commands that a project names cannot be imported."""


def add_project_commands(app: typer.Typer) -> None:
    """Add them to the engine's; does nothing outside of a project.

    Raises:
        CommandsMissing: They cannot be imported, or one is called like a command of the engine.
        SettingsError: A setting of the project cannot be used.
    """
    try:
        settings = Settings.from_env()
    except ProjectNotFound:
        return
    if not settings.commands:
        return
    where = f"commands in {settings.project / MARKER}"
    sys.path.insert(0, str(settings.project))
    module, _, name = settings.commands.partition(":")
    try:
        added = getattr(import_module(module), name)
    except Exception as error:  # whatever the project's own code raises
        raise CommandsMissing(
            f"{where}: {settings.commands} cannot be imported: {where_raised(error, settings.project)}"
        ) from error
    if not isinstance(added, typer.Typer):
        raise CommandsMissing(f"{where}: {settings.commands} is a {type(added).__name__}; expected a Typer app")
    taken = {_name(command) for command in app.registered_commands}
    if same := sorted(taken & {_name(command) for command in added.registered_commands}):
        raise CommandsMissing(f"{where}: {settings.commands} has a command {same[0]!r}, which the engine has too")
    app.registered_commands += added.registered_commands


def _name(command: typer.models.CommandInfo) -> str:
    return command.name or (command.callback.__name__ if command.callback else "")
