"""dbt in this process: the manifest, parsed only when a source changed, and builds of some models."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assay.base.errors import UserError
from assay.base.fork_mark import is_fork
from assay.base.settings import Settings
from assay.tables import generated_models
from assay.tables.compiled_nodes import keep_compiled, project_state
from assay.tables.generated_models import BUILD, PACKAGES, package_files, write_build
from assay.tables.handed_over import noting
from assay.tables.node_result import NodeResult, readable
from assay.tables.without_dbt import build_without_dbt

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_SOURCES = (".sql", ".yml", ".yaml", ".csv", ".md", ".py")
_WRITERS = ("assay-lakehouse", "dbt-core", "dbt-duckdb")
"""Distributions of which another version may write another manifest from the same files."""
_KEPT = ("manifest.json", "partial_parse.msgpack")


class DbtError(UserError):
    """dbt could not do what it was asked; the message is dbt's."""


def parse_if_changed(settings: Settings) -> bool:
    """Make `target/manifest.json` when it is missing or a file of the project changed since it was made.

    Returns:
        Whether dbt had to parse.

    Raises:
        ContractError: A file of the project says what dbt would pass over.
        DbtError: The project does not parse.
    """
    target = settings.dbt_project / "target"
    stamp = target / "sources.sha256"
    now = sources_hash(settings.dbt_project)
    if all((target / name).exists() for name in _KEPT) and stamp.exists() and stamp.read_text() == now:
        return False
    aside = target / f".parse-{os.getpid()}"
    try:
        write_build(settings.dbt_project)
        _invoke(settings, ["parse"], aside, None)
        stamp.unlink(missing_ok=True)  # a kill between the next lines must not leave an old stamp beside a new manifest
        for name in _KEPT:
            (aside / name).replace(target / name)
        stamp.write_text(now)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def sources_hash(project: Path) -> str:
    """Hash of all that decides how the project parses: its files, the engine's package, and the versions of both."""
    from importlib.metadata import version  # noqa: PLC0415 - rarely needed

    digest = hashlib.sha256(" ".join(map(version, _WRITERS)).encode())
    for path in (*package_files(), Path(generated_models.__file__)):  # another engine may write others
        digest.update(path.read_bytes())
    for path in sorted(project.rglob("*")):
        if path.suffix in _SOURCES and not _is_written_here(path.relative_to(project)):
            digest.update(f"\n{path.relative_to(project)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_written_here(path: Path) -> bool:
    """Whether dbt or Assay wrote it, which says nothing that its sources do not."""
    return "target" in path.parts or path.parts[0] == BUILD or path.parts[:2] == (PACKAGES, "assay")


def build(
    settings: Settings, nodes: Sequence[str], *, run_id: str, full_refresh: Sequence[str] = ()
) -> list[NodeResult]:
    """Build models and run data tests, in dbt's order, on this process's DuckDB.

    Args:
        settings: The lake.
        nodes: Names of models and data tests. No other test is run: one that also reads a table of a later step would
            be run too early.
        run_id: What the ledger names as the run.
        full_refresh: Models that are rebuilt from nothing.

    Raises:
        DbtError: dbt could not start; a model that fails is a result, not an error.
    """
    rebuilds_changed = is_fork(settings.home)  # where nothing can be lost
    variables = {"run_id": run_id, "full_refresh": list(full_refresh), "rebuilds_changed": rebuilds_changed}
    done = build_without_dbt(settings, nodes, variables)
    return _build_by_dbt(settings, nodes, variables) if done is None else done


def _build_by_dbt(settings: Settings, nodes: Sequence[str], variables: Mapping[str, Any]) -> list[NodeResult]:
    args = ["build", "--select", *nodes, "--indirect-selection", "empty", "--vars", json.dumps(variables)]
    args += ["--exclude-resource-type", "unit_test"]
    state = project_state(settings.dbt_project)
    manifest = _manifest(settings.dbt_project)
    with noting() as handed_over:
        done = _invoke(settings, args, settings.scratch / "dbt", manifest)
    results = [_result(item) for item in done]
    built = [item.node for item, result in zip(done, results, strict=True) if result.status not in ("error", "skipped")]
    keep_compiled(settings, state, manifest, built, handed_over)
    return results


def compile_models(settings: Settings) -> dict[str, str]:
    """The compiled SQL of each model, by name; no database is opened for it.

    Args:
        settings: The lake, whose project is parsed.

    Raises:
        DbtError: A model does not compile.
    """
    with TemporaryDirectory(prefix="assay-compile-") as folder:
        nowhere = settings.model_copy(update={"home": Path(folder)})
        args = ["compile", "--no-populate-cache", "--no-introspect"]
        done = _invoke(nowhere, args, Path(folder) / "dbt", _manifest(settings.dbt_project))
    results = [_result(item) for item in done]
    if failed := [result for result in results if result.status == "error"]:
        raise DbtError("\n".join(f"{result.name}: {result.message}" for result in failed))
    return {result.name: result.compiled for result in results if not result.is_test}


def _manifest(project: Path) -> Manifest:
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415 - 2 s that only a build should cost

    stat = (project / "target" / "partial_parse.msgpack").stat()
    packed, nodes = _parsed(project, (stat.st_ino, stat.st_mtime_ns, stat.st_size))
    manifest = Manifest.from_msgpack(packed)
    manifest.flat_graph = {"nodes": nodes}
    return manifest


@lru_cache(maxsize=4)
def _parsed(project: Path, stamp: tuple[int, ...]) -> tuple[bytes, Mapping[str, Any]]:  # noqa: ARG001 - one for each
    """A parsed project as dbt keeps it, and what our macros read of `graph`.

    dbt's own flat graph copies every macro of every package as well, before each build.
    """
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415 - as above

    packed = (project / "target" / "partial_parse.msgpack").read_bytes()
    nodes = Manifest.from_msgpack(packed).nodes
    return packed, {name: node.to_dict(omit_none=False) for name, node in nodes.items()}


def _invoke(settings: Settings, args: Sequence[str], target: Path, manifest: Manifest | None) -> Sequence[Any]:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - as above

    project = str(settings.dbt_project)
    told: list[str] = []
    common = ["--project-dir", project, "--profiles-dir", project, "--target-path", str(target)]
    quiet = ["--log-path", str(target), "--log-level", "none", "--log-level-file", "none", "--no-write-json"]
    if args[0] == "parse":
        quiet.remove("--no-write-json")
    with _environment({"ASSAY_HOME": str(settings.home)}):
        runner = dbtRunner(manifest=manifest, callbacks=[lambda event: _keep_error(event, told)])
        done = runner.invoke([*args, *common, *quiet])
    results = getattr(done.result, "results", None)
    if results is None and (done.exception or not done.success):
        raise DbtError("\n".join(told) or readable(str(done.exception)))
    return results or []


def _keep_error(event: Any, told: list[str]) -> None:
    if str(event.info.level) == "error":
        told.append(str(event.info.msg))


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _result(item: Any) -> NodeResult:
    node = item.node
    return NodeResult(
        unique_id=str(node.unique_id),
        name=str(node.name),
        is_test=str(node.resource_type) == "test",
        status=str(item.status),
        message=readable(str(item.message or "")),
        seconds=float(item.execution_time),
        failures=int(item.failures or 0),
        compiled=str(getattr(node, "compiled_code", "") or ""),
    )
