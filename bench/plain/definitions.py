"""The plain project: all dbt models as assets, `dbt build` by the CLI, and a sensor that looks for new files."""

import json
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

HERE = Path(__file__).parent
LANDING = HERE / "landing"
project = DbtProject(project_dir=HERE / "dbt")


@dbt_assets(manifest=project.manifest_path)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    """Every model, in one `dbt build`."""
    yield from dbt.cli(["build"], context=context).stream()


build = dg.define_asset_job("build", selection=dg.AssetSelection.assets(models))


@dg.sensor(job=build, default_status=dg.DefaultSensorStatus.RUNNING)
def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when names are there that the cursor does not hold."""
    there = sorted(str(path.relative_to(LANDING)) for path in LANDING.glob("*/[!.]*"))
    if not set(there) - set(json.loads(context.cursor or "[]")):
        return dg.SkipReason("no new files")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=json.dumps(there))


defs = dg.Definitions(
    assets=[models], jobs=[build], sensors=[new_files], resources={"dbt": DbtCliResource(project_dir=project)}
)
