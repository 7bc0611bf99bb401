"""Business rules of `gold.household_value`."""

import ibis.expr.types as ir

from assay.contract.business_rules import BusinessRules, breaking, differing, silver


class HouseholdValue(BusinessRules):
    """What a household was worth, week by week."""

    @breaking
    def spend_equals_receipts(gold: ir.Table) -> ir.Table:
        """A household's weeks add up to its receipts, to the cent: each receipt belongs to one household and week."""
        receipts = silver(gold, "transactions")
        return differing(
            gold.group_by("household_id").agg(spend_usd=gold.spend_in_week_usd.sum()),
            receipts.group_by("household_id").agg(spend_usd=receipts.sales_usd.sum()),
            "household_id",
            "spend_usd",
        )
