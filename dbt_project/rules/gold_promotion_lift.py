"""Business rules of `gold.promotion_lift`."""

import ibis.expr.types as ir

from assay.contract.business_rules import BusinessRules, breaking, silver


class PromotionLift(BusinessRules):
    """What promotions sell."""

    @breaking
    def weeks_with_were_promoted(gold: ir.Table) -> ir.Table:
        """There are no more weeks with a promotion than the stores reported; more would be a join that fans out."""
        places = ["display_location", "mailer_location"]
        promotions = silver(gold, "promotions")
        reported = promotions.group_by(places).agg(reported=promotions.count())
        counted = gold.group_by(places).agg(counted=gold.store_weeks_with.sum().cast("int64"))
        joined = counted.left_join(reported, places)
        return joined.filter(joined.counted > joined.reported.fill_null(0)).select(*places, "counted", "reported")
