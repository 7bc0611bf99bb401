"""Whether a dbt project is set up so plainly that what dbt does around a model is known.

Hooks, quoting, flags, plugins, attached databases and Jinja in the project's own settings are left to dbt.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.base.settings import Settings

_PROJECT = frozenset(
    {
        *("name", "version", "config-version", "profile", "require-dbt-version", "flags", "dispatch", "vars"),
        *("model-paths", "macro-paths", "test-paths", "seed-paths", "snapshot-paths", "analysis-paths", "docs-paths"),
        *("asset-paths", "clean-targets", "models", "data_tests", "seeds", "snapshots", "sources"),
    }
)
"""Settings of a project that decide how it is parsed, and nothing of how a parsed model is built."""
_FLAGS = frozenset({"send_anonymous_usage_stats", "use_colors"})
_OUTPUT = frozenset({"type", "path", "schema", "threads", "keep_open", "settings"})
_PATH = re.compile(r"\{\{ env_var\('ASSAY_HOME'(, '[^'{}]*')?\) \}\}/(?P<file>[^/{}]+)")


def plain_settings(settings: Settings) -> Mapping[str, str] | None:
    """What a project says of each connection: DuckDB's settings; None where it says more than is known here.

    Args:
        settings: The lake.
    """
    if any(name.upper().startswith("DBT_") for name in os.environ):
        return None  # dbt's own switches: full refreshes, another target, empty inputs …
    try:
        project = _mapping(settings.dbt_project / "dbt_project.yml")
        profiles = _mapping(settings.dbt_project / "profiles.yml")
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if _has_jinja(project) or not project.keys() <= _PROJECT or not (project.get("flags") or {}).keys() <= _FLAGS:
        return None
    profile = profiles.get(str(project.get("profile")))
    outputs = profile.get("outputs") if isinstance(profile, Mapping) else None
    output = (
        outputs.get(profile.get("target")) if isinstance(profile, Mapping) and isinstance(outputs, Mapping) else None
    )
    return _of_output(output, settings.warehouse.name) if isinstance(output, Mapping) else None


def _of_output(output: Mapping[str, Any], warehouse: str) -> Mapping[str, str] | None:
    """DuckDB's settings of the one output that a plain profile has."""
    path = _PATH.fullmatch(str(output.get("path")))
    given = output.get("settings") or {}
    is_plain = (
        output.keys() <= _OUTPUT
        and output.get("type") == "duckdb"
        and path is not None
        and path["file"] == warehouse
        and output.get("threads", 1) == 1
        and output.get("keep_open") is False
        and isinstance(given, Mapping)
        and not _has_jinja(given)
        and all(isinstance(value, str | int) for value in given.values())
    )
    return {str(name): str(value) for name, value in given.items()} if is_plain else None


def _mapping(path: Path) -> Mapping[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, Mapping):
        raise ValueError(path.name)
    return content


def _has_jinja(value: object) -> bool:
    return "{{" in str(value) or "{%" in str(value)
