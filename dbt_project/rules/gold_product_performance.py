"""Business rules of `gold.product_performance`."""

import ibis.expr.types as ir

from assay.contract.business_rules import BusinessRules, breaking, differing, silver


class ProductPerformance(BusinessRules):
    """Sales by product and week."""

    @breaking
    def sales_equal_receipts(gold: ir.Table) -> ir.Table:
        """Each product's money over all weeks is that of its receipts, to the cent."""
        receipts = silver(gold, "transactions")
        return differing(
            gold.group_by("product_id").agg(sales_usd=gold.sales_usd.sum()),
            receipts.group_by("product_id").agg(sales_usd=receipts.sales_usd.sum()),
            "product_id",
            "sales_usd",
        )
