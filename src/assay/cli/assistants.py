"""`assay mcp`: what is published, for assistants, over standard input and output."""

from __future__ import annotations

from assay.base.settings import Settings
from assay.consumers.assistants.server import build_server
from assay.consumers.assistants.tools import Tools
from assay.tables.dbt import parse_if_changed


def serve() -> int:
    """Answer until the input ends.

    Raises:
        Missing: The extra is not installed.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    build_server(Tools(settings)).run("stdio")
    return 0
