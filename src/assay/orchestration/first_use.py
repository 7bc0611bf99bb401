"""Importing this pays, once for all forks, what dbt works out when it is first used: half a second of each run.

dbt makes the code that reads its manifest, and the schemas that its configuration is held against, at their first use.
A project of one model in a temporary folder has it make them. No connection to a database is opened: its threads would
be lost in a fork.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

_PROJECT = """\
name: first_use
version: "1.0"
profile: first_use
model-paths: [models]
models: {+materialized: table}
vars: {run_id: ""}
flags: {send_anonymous_usage_stats: false}
"""
_PROFILE = "first_use: {target: lake, outputs: {lake: {type: duckdb, path: ':memory:'}}}\n"
_YML = """\
models:
  - name: one
    description: A model.
    config: {meta: {owner: nobody}}
    columns: [{name: n, data_type: bigint, data_tests: [not_null]}]
"""


def use_dbt(folder: Path) -> None:
    """Parse a project of one model, and read what was parsed."""
    from dbt.adapters.factory import reset_adapters  # noqa: PLC0415 - a second
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - as above
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415 - as above

    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text(_PROJECT)
    (folder / "profiles.yml").write_text(_PROFILE)
    (folder / "models" / "one.sql").write_text("select 1::bigint as n")
    (folder / "models" / "one.yml").write_text(_YML)
    places = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--log-path", str(folder)]
    places += ["--no-static-parser"]  # which has threads of its own
    dbtRunner().invoke(["parse", *places, "--log-level", "none", "--log-level-file", "none"])
    manifest = Manifest.from_msgpack((folder / "target" / "partial_parse.msgpack").read_bytes())
    for node in manifest.nodes.values():
        node.to_dict(omit_none=False)
    reset_adapters()  # type: ignore[no-untyped-call]


with suppress(Exception), tempfile.TemporaryDirectory(prefix="assay-") as made:  # it costs time and nothing else
    use_dbt(Path(made))
