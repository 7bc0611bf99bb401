"""A Python asset of this lake's own: what a model may know of each household, made of what readers see."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import duckdb

from assay.orchestration.keys import PUBLISHED
from resources.feature_store import FeatureStore

NAME = "household_features"
KEY = dg.AssetKey(["features", NAME])
CHECK = "features_are_sound"
CHECKED = "One row for each household; no sum and no time is negative, and what is recent is part of the total."
WEEKS = 4
"""Of which the recent features tell, up to the last day that is published."""
_FEATURES = f"""
    with receipts as (
        select
            household_id,
            basket_id,
            sales_date,
            sales_usd,
            (select max(sales_date) from silver.transactions) as today
        from silver.transactions
    )

    select
        household_id,
        max(today) as as_of,
        date_diff('day', max(sales_date), max(today)) as days_since_last_basket,
        count(distinct basket_id) filter (sales_date > today - {7 * WEEKS}) as baskets_recent,
        coalesce(sum(sales_usd) filter (sales_date > today - {7 * WEEKS}), 0)::decimal(12, 2) as sales_recent_usd,
        sum(sales_usd)::decimal(14, 2) as sales_total_usd
    from receipts
    group by household_id
    order by household_id
"""


@dg.asset(
    key=KEY,
    deps=[PUBLISHED],
    check_specs=[dg.AssetCheckSpec(CHECK, asset=KEY, blocking=True, description=CHECKED)],
    group_name="features",
    kinds={"python", "parquet"},
    owners=["team:data-science"],
    tags={"assay/layer": "features"},
    description=(
        "One row per household that has bought something: how long ago, how often and for how much. Made of what is "
        "published, so it holds up no run and no reader; `published/features/household_features.parquet` is switched "
        "in one step, and stays as it was when a check of it fails."
    ),
)
def household_features(features: FeatureStore) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """Work the features out, check them, and only then put them in the place of the last ones."""
    if features.is_current(NAME):
        yield dg.AssetCheckResult(passed=True, asset_key=KEY, check_name=CHECK, description="readers see what they saw")
        yield dg.MaterializeResult(KEY)
        return
    made_of = features.seen()
    with features.snapshot() as connection:
        table = connection.sql(_FEATURES)
        problem = problem_of(table)
        yield dg.AssetCheckResult(passed=not problem, asset_key=KEY, check_name=CHECK, description=problem or None)
        if problem:
            raise dg.Failure(f"the features stay as they were: {problem}", allow_retries=False)
        path = features.write(NAME, table, made_of)
        rows = len(table)
    yield dg.MaterializeResult(KEY, metadata={"dagster/row_count": rows, "file": dg.MetadataValue.path(str(path))})


def problem_of(table: duckdb.DuckDBPyRelation) -> str:
    """What Pandera finds wrong; empty when nothing is.

    Args:
        table: Columns of `household_features`.
    """
    import pandera.pandas as pa  # noqa: PLC0415 - two seconds that only a run of this asset should cost
    from pandera.errors import SchemaErrors  # noqa: PLC0415

    at_least_zero = pa.Check.ge(0)
    schema = pa.DataFrameSchema(
        {
            "household_id": pa.Column("int64", unique=True),
            "days_since_last_basket": pa.Column("int64", at_least_zero),
            "baskets_recent": pa.Column("int64", at_least_zero),
            "sales_recent_usd": pa.Column("float64", at_least_zero, coerce=True),
            "sales_total_usd": pa.Column("float64", at_least_zero, coerce=True),
        },
        checks=pa.Check(lambda frame: frame.sales_recent_usd <= frame.sales_total_usd, name="recent_is_part_of_total"),
    )
    try:
        schema.validate(table.df(), lazy=True)
    except SchemaErrors as errors:
        failed = errors.failure_cases
        return "; ".join(f"{row.column or 'the row'}: {row.check}" for row in failed.head(3).itertuples())
    return ""
