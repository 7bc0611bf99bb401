"""The server that assistants talk to, over its standard input and output."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from assay.base.errors import UserError
from assay.base.project import DISTRIBUTION
from assay.consumers.assistants.tools import Tools

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

INSTRUCTIONS = """\
This is a lakehouse. Tables of gold answer business questions, those of silver hold cleaned records, those of quarantine
rejected ones. Call list_tables first: it says what each table means, up to when it has data (data_through) and what its
checks say (verdict). Say both beside every figure that you give, and warn when the verdict is not "good" or the table
is late. Call describe_table before you write SQL, then query with one SELECT in DuckDB's dialect. A masked column holds
a word in the place of each value about a person: count and join by it, and do not show it as a value.
"""


class Missing(UserError):
    """The library of the protocol is not installed."""


def build_server(tools: Tools) -> MCPServer[Any]:
    """The server with all tools; each is read-only.

    Raises:
        Missing: The extra is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 - an extra
        from mcp.types import ToolAnnotations  # noqa: PLC0415
    except ImportError:
        raise Missing("assistants need the package mcp; pip install 'assay-lakehouse[mcp]'") from None
    server: MCPServer[Any] = MCPServer(
        "assay", instructions=INSTRUCTIONS, version=version(DISTRIBUTION), log_level="WARNING"
    )
    harmless = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    for tool in (tools.list_tables, tools.describe_table, tools.query):
        server.add_tool(_told(tool), name=tool.__name__, description=tool.__doc__, annotations=harmless)
    return server


def _told(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The tool with what goes wrong as a sentence for the assistant."""
    from mcp.server.mcpserver.exceptions import ToolError  # noqa: PLC0415 - an extra

    @wraps(tool)
    def told(*args: Any, **options: Any) -> dict[str, Any]:
        try:
            return tool(*args, **options)
        except UserError as error:
            raise ToolError(str(error)) from error

    return told
