"""The published file as the last asset of the lineage."""

import dagster as dg

from assay.base import clock
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.orchestration.keys import PUBLISHED, key_of
from assay.publish.run_session import publish


def published_asset(catalog: Catalog) -> dg.AssetsDefinition:
    """The file `published/lake.duckdb`; every run publishes when it ends, this asset shows it."""
    shown = catalog.of_layer("silver", "gold", "quarantine")

    @dg.asset(
        key=PUBLISHED,
        deps=[key_of(table_of(model)) for model in shown],
        group_name="published",
        kinds={"duckdb"},
        owners=["team:data-platform"],
        tags={"assay/layer": "published"},
        required_resource_keys={"lake"},
        description=(
            "One DuckDB file with silver, gold and quarantine, switched in one step when every blocking check of the "
            "tables has passed on what they hold now. Readers of the old file keep it until they open a new one."
            '\n\nAsk it with `assay query "select * from gold.daily_sales limit 5"`, or open `published/lake.duckdb` '
            "with DuckDB, read-only. `assay status` says since when and why something is held back."
        ),
    )
    def lake(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        session: Session = context.resources.lake
        done = publish(session)
        for reason in done.because:
            context.log.warning(f"held back: {reason}")
        for table in done.gone:
            context.log.warning(f"readers do not see {table} any more: the project has it no longer")
        return dg.MaterializeResult(
            metadata={
                "tables_changed": ", ".join(done.changed) or "none",
                "tables_gone": ", ".join(done.gone) or "none",
                "held_back_because": "; ".join(done.because) or "nothing is held back",
                "looked_at": dg.MetadataValue.timestamp(clock.now()),
            }
        )

    return lake
