"""Business rules of `gold.daily_sales`."""

import ibis.expr.types as ir

from assay.contract.business_rules import BusinessRules, breaking, differing, silver


class DailySales(BusinessRules):
    """Sales by store, department and day."""

    @breaking
    def sales_equal_receipts(gold: ir.Table) -> ir.Table:
        """Each day's money is the money of its receipts, to the cent: no line is lost, and none counts twice."""
        receipts = silver(gold, "transactions")
        return differing(
            gold.group_by("sales_date").agg(sales_usd=gold.sales_usd.sum()),
            receipts.group_by("sales_date").agg(sales_usd=receipts.sales_usd.sum()),
            "sales_date",
            "sales_usd",
        )

    @breaking
    def lines_equal_receipts(gold: ir.Table) -> ir.Table:
        """Each store's lines are those of its receipts: lines of 0.00 USD do not show in the money."""
        receipts = silver(gold, "transactions")
        return differing(
            gold.group_by("store_id").agg(receipt_lines=gold.receipt_lines.sum().cast("int64")),
            receipts.group_by("store_id").agg(receipt_lines=receipts.count()),
            "store_id",
            "receipt_lines",
        )
