"""Business rules of `gold.campaign_results`."""

import ibis.expr.types as ir

from assay.contract.business_rules import BusinessRules, breaking, silver


class CampaignResults(BusinessRules):
    """What campaigns came to."""

    @breaking
    def redeemers_were_reached(gold: ir.Table) -> ir.Table:
        """Only who got coupons can redeem them; before the list of those reached has come, nobody is known to be."""
        is_listed = gold.households_reached > 0
        return gold.filter(is_listed & (gold.redeemers > gold.households_reached)).select(
            "campaign_id", "redeemers", "households_reached"
        )

    @breaking
    def every_campaign_has_a_result(gold: ir.Table) -> ir.Table:
        """A campaign without a row would be taken for one that nobody ran."""
        campaigns = silver(gold, "campaigns")
        return campaigns.anti_join(gold, "campaign_id").select("campaign_id", "start_date")
