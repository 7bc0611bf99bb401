"""What dbt compiled of a project, kept beside its manifest for runs that build the same without dbt.

Only what dbt built itself is kept, and only where nothing but the manifest decides what it did: static Jinja, Assay's
own materializations, plain views and plain data tests. It stands for one manifest, byte for byte, and for one set of
versions; with another one it is as if nothing were kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.base.settings import Settings
from assay.tables.generated_models import PACKAGES
from assay.tables.handed_over import OF_THE_RUN, HandedOver
from assay.tables.plain_project import plain_settings
from assay.tables.static_jinja import StaticJinja, templates_in

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_FORM = "1"
_KEPT = "compiled.json"
_WRITERS = ("assay-lakehouse", "dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "duckdb", "jinja2")
_OWN = ("keyed", "landed")
_BUILTIN = ("dbt", "dbt_duckdb", "assay")
_OF_PARSING = frozenset({"generate_schema_name", "generate_alias_name", "generate_database_name"})
"""Macros of dbt that a project may write anew: they are asked when it is parsed, and not again."""


@dataclass(frozen=True)
class CompiledNode:
    """A model or data test as dbt compiled it.

    Attributes:
        unique_id: As in the manifest.
        name: As in the manifest.
        kind: `call` for what is handed over to a function, `view`, or `test`.
        path: The file that it was written in, below the project.
        schema: Where its table is; empty of a test.
        alias: What its table is called there; empty of a test.
        relation: Its table, quoted; empty of a test.
        sql: The compiled SQL.
        parents: What it reads, by unique id.
        ancestors: What that is made of, and so on; with the parents.
        module: Of a call.
        function: Of a call.
        payload: Of a call, without `sql` and without what is said of the run.
        warn_if: Of a test: the condition on its count under which it warns.
        error_if: Of a test: that under which it fails.
        severity: Of a test.
    """

    unique_id: str
    name: str
    kind: str
    path: str
    schema: str
    alias: str
    relation: str
    sql: str
    parents: Sequence[str]
    ancestors: Sequence[str]
    module: str = ""
    function: str = ""
    payload: Mapping[str, Any] | None = None
    warn_if: str = ""
    error_if: str = ""
    severity: str = ""


@dataclass(frozen=True)
class CompiledProject:
    """What is kept of a project.

    Attributes:
        settings: DuckDB's settings of each connection, as the profile says.
        nodes: By name.
    """

    settings: Mapping[str, str]
    nodes: Mapping[str, CompiledNode]


def read_compiled(settings: Settings) -> CompiledProject | None:
    """What is kept of the project as it is parsed now; None when nothing is, or dbt is needed for all of it.

    Args:
        settings: The lake.
    """
    plain = plain_settings(settings)
    if plain is None:
        return None
    try:
        kept = json.loads((settings.dbt_project / "target" / _KEPT).read_bytes())
        if kept["stamp"] != _stamp(settings.dbt_project):
            return None
        return CompiledProject(plain, {name: CompiledNode(**node) for name, node in kept["nodes"].items()})
    except (OSError, ValueError, KeyError, TypeError):  # not there, or written by another version
        return None


def project_state(project: Path) -> tuple[object, ...]:
    """What tells that no file that dbt builds from was written meanwhile, not even with what it held before.

    Args:
        project: The folder with dbt_project.yml.
    """
    stats = [(path, path.stat()) for path in _built_from(project)]
    return tuple((path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in stats)


def keep_compiled(
    settings: Settings,
    state: tuple[object, ...],
    manifest: Manifest,
    built: Iterable[Any],
    handed_over: Mapping[str, HandedOver],
) -> None:
    """Keep what dbt has just built, as far as it needs no dbt the next time.

    Args:
        settings: The lake.
        state: The project's before dbt began.
        manifest: What was built from.
        built: Nodes as dbt compiled them; those that failed are not among them.
        handed_over: What the materializations handed over to Python, by model.
    """
    if plain_settings(settings) is None or any(_hides_ours(manifest)):
        return
    before = read_compiled(settings)
    nodes = dict(before.nodes) if before else {}
    jinja = _jinja(manifest)
    database = settings.warehouse.stem
    for node in built:
        compiled = _compiled(node, manifest, jinja, database, handed_over.get(str(node.name)))
        if compiled and str(node.name) not in nodes:
            nodes[str(node.name)] = compiled
    target = settings.dbt_project / "target"
    kept = {"stamp": _stamp(settings.dbt_project), "nodes": {name: asdict(node) for name, node in nodes.items()}}
    if project_state(settings.dbt_project) != state:
        return  # it was parsed anew while dbt built
    aside = target / f".{_KEPT}.{os.getpid()}"
    with suppress(OSError):  # a project that nobody may write to is built by dbt each time
        aside.write_text(json.dumps(kept), encoding="utf-8")
        aside.replace(target / _KEPT)


def _stamp(project: Path) -> str:
    """Hash of all that dbt builds from: the parsed project, its settings, those of its packages, and the versions."""
    digest = hashlib.sha256(" ".join([_FORM, *map(version, _WRITERS)]).encode())
    for path in _built_from(project):
        digest.update(f"\n{path.relative_to(project)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _built_from(project: Path) -> list[Path]:
    names = ("target/partial_parse.msgpack", "dbt_project.yml", "profiles.yml")
    return [*(project / name for name in names), *sorted(project.glob(f"{PACKAGES}/*/dbt_project.yml"))]


def _hides_ours(manifest: Manifest) -> Iterable[bool]:
    """Whether a project's macro takes the place of one that builds or tests, or it runs something around its models."""
    names: dict[str, set[str]] = {}
    for macro in manifest.macros.values():
        names.setdefault(str(macro.name), set()).add(str(macro.package_name))
    for name, packages in names.items():
        is_of_parsing = name.partition("__")[2] in _OF_PARSING or name in _OF_PARSING
        yield bool(packages & set(_BUILTIN)) and bool(packages - set(_BUILTIN)) and not is_of_parsing
    yield any(str(node.resource_type) == "operation" for node in manifest.nodes.values()) or bool(manifest.functions)


def _jinja(manifest: Manifest) -> StaticJinja:
    from dbt.context.providers import ModelContext  # noqa: PLC0415 - dbt is imported by now
    from dbt_common.clients.jinja import get_environment  # noqa: PLC0415 - as above

    macros = [(str(macro.package_name), str(macro.name), str(macro.macro_sql)) for macro in manifest.macros.values()]
    given = (*vars(ModelContext)["_context_members_"], "builtins", "context")
    return StaticJinja(macros, given, (*OF_THE_RUN, "full_refresh"), get_environment(None))


def _compiled(
    node: Any, manifest: Manifest, jinja: StaticJinja, database: str, handed_over: HandedOver | None
) -> CompiledNode | None:
    """What is kept of a node; None when dbt is needed for it."""
    if str(node.resource_type) not in ("model", "test"):
        return None
    config, is_test = node.config, str(node.resource_type) == "test"
    ancestors = _ancestors(manifest, str(node.unique_id))
    kind = "test" if is_test else "view" if config.materialized == "view" else "call"
    templates = [str(node.raw_code), *(templates_in(node.test_metadata.kwargs) if _is_generic(node) else ())]
    is_plain = (
        str(node.language) == "sql"
        and _is_selected_alone(node, manifest)
        and all(not _is_ephemeral(manifest, name) for name in ancestors)
        and not any(config.get(name) for name in ("pre_hook", "post_hook", "grants", "persist_docs", "sql_header"))
        and (_is_plain_test(config) if is_test else str(node.database) == database)
        and (kind != "view" or not config.contract.enforced)
        and all(map(jinja.is_static, templates))
    )
    if not is_plain or (kind == "call" and not _is_handed_over(node, handed_over)):
        return None
    common: dict[str, Any] = {
        "unique_id": str(node.unique_id),
        "name": str(node.name),
        "kind": kind,
        "path": str(node.original_file_path),
        "schema": "" if is_test else str(node.schema),
        "alias": "" if is_test else str(node.alias),
        "relation": "" if is_test else str(node.relation_name),
        "sql": str(node.compiled_code),
        "parents": [str(name) for name in node.depends_on.nodes],
        "ancestors": sorted(ancestors),
    }
    if is_test:
        limits: dict[str, Any] = {"warn_if": str(config.warn_if), "error_if": str(config.error_if)}
        return CompiledNode(**common, **limits, severity=str(config.severity).upper())
    if handed_over is None:
        return CompiledNode(**common)
    payload = {name: value for name, value in handed_over.payload.items() if name != "sql"}
    return CompiledNode(**common, module=handed_over.module, function=handed_over.function, payload=payload)


def _is_selected_alone(node: Any, manifest: Manifest) -> bool:
    """Whether dbt takes a node's name for that of no other, of a folder, or of a way to select."""
    others = chain(manifest.nodes.values(), manifest.exposures.values(), manifest.saved_queries.values())
    named = [other for other in others if str(node.name) in (str(other.name), *other.fqn[:-1])]
    return len(named) == 1 and str(node.name) not in node.fqn[:-1] and re.fullmatch(r"\w+", str(node.name)) is not None


def _is_handed_over(node: Any, handed_over: HandedOver | None) -> bool:
    is_own = node.config.materialized in _OWN
    return is_own and handed_over is not None and handed_over.payload["sql"] == node.compiled_code


def _is_generic(node: Any) -> bool:
    return getattr(node, "test_metadata", None) is not None


def _is_plain_test(config: Any) -> bool:
    """Whether a data test counts rows, all of them, and keeps none."""
    is_stored = config.store_failures or config.store_failures_as
    return config.fail_calc == "count(*)" and config.limit is None and not is_stored


def _ancestors(manifest: Manifest, unique_id: str) -> set[str]:
    """What a node is made of, and that of, and so on."""
    ancestors: set[str] = set()
    waiting = [unique_id]
    while waiting:
        node = manifest.nodes.get(waiting.pop())
        parents = set(node.depends_on_nodes) - ancestors if node else set()
        ancestors |= parents
        waiting += parents
    return ancestors


def _is_ephemeral(manifest: Manifest, unique_id: str) -> bool:
    node = manifest.nodes.get(unique_id)
    return node is not None and node.config.materialized == "ephemeral"
