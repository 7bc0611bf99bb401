"""What the stores took: a day against the same weekday before, and down to the lines of a receipt."""

from __future__ import annotations

from datetime import date

from assay.page.dashboards import Board, dashboard

WEEKS = 8
"""Same weekdays before that a day is held against: stores sell otherwise on a Saturday than on a Monday."""
DAYS = 28
"""Days of the chart."""
EVERY = "all stores"
DEPARTMENTS = """
    select
        department,
        sum(sales_usd) filter (sales_date = $day::date) as sales_usd,
        sum(sales_usd) filter (sales_date = $day::date - 7) as week_before_usd,
        sum(units) filter (sales_date = $day::date) as units,
        sum(receipt_lines) filter (sales_date = $day::date) as lines,
        $day as _day,
        $shop as _store
    from gold.daily_sales {of_store}
    group by department
    having sum(receipt_lines) filter (sales_date = $day::date) > 0
    order by sales_usd desc
"""
LINES = """
    from silver.transactions as lines
    left join silver.products as products on lines.product_id = products.product_id
    where lines.sales_date = $day::date {one} and coalesce(products.department, 'UNKNOWN') = $department
"""
DEAREST = """
    select
        lines.basket_id, lines.store_id, lines.sold_at, lines.product_id, products.product_type, lines.quantity,
        lines.sales_usd, lines._file_id as file
    {lines}
    order by lines.sales_usd desc, lines.basket_id, lines.product_id
"""


@dashboard("Sales")
def sales(board: Board) -> None:
    """The last day with sales, or another one, of one store or of all."""
    days = "select distinct sales_date from gold.daily_sales order by sales_date desc limit 400"
    day = board.choose("day", "Day", days)
    stores = board.rows(
        "select store_id from gold.daily_sales group by store_id order by sum(sales_usd) desc limit 100"
    )
    store = board.choose("store", "Store", [EVERY, *(row["store_id"] for row in stores)])
    if not day:
        board.text("There are no sales yet: `assay demo` brings four weeks of receipts.")
        return
    of_store = "" if store == EVERY else "where store_id = $store::bigint"
    given: dict[str, object] = {"day": day} if store == EVERY else {"day": day, "store": store}
    where = store if store == EVERY else f"store {store}"
    sold = f"(select sales_date, sum(sales_usd) as usd from gold.daily_sales {of_store} group by sales_date)"
    weekday = f"{date.fromisoformat(day):%A}"
    same = f"range($day::date - {7 * WEEKS}, $day::date, interval 7 days)"
    board.number(
        f"Sales of {weekday}, {day}, in {where}, against the mean of up to {WEEKS} {weekday}s before",
        f"select sum(usd) filter (sales_date = $day::date), "
        f"avg(usd) filter (list_contains({same}, sales_date)) from {sold}",
        "USD",
        given,
    )
    board.chart(
        f"Sales of {where} day by day, and what was sold a week before each",
        f"select days.sales_date as day, days.usd as sales, before.usd as a_week_before from {sold} as days "
        f"left join {sold} as before on before.sales_date = days.sales_date - 7 "
        f"where days.sales_date between $day::date - {DAYS - 1} and $day::date order by 1",
        "USD",
        given,
    )
    board.table(
        f"Departments on {weekday}, {day}: each leads to its receipts",
        DEPARTMENTS.format(of_store=of_store),
        {**given, "shop": store},
        links={"department": "/sales-receipts?day={_day}&store={_store}&department={department}"},
    )


@dashboard("Sales receipts", is_listed=False)
def receipts(board: Board) -> None:
    """The lines of receipts behind one figure of a department's day."""
    day, store, department = (board.asked(name) for name in ("day", "store", "department"))
    if not (day and department):
        board.text("Choose a department of a day: the view Sales leads here.")
        return
    one = "" if store in ("", EVERY) else "and lines.store_id = $store::bigint"
    given: dict[str, object] = {"day": day, "department": department, **({"store": store} if one else {})}
    lines = LINES.format(one=one)
    board.number(
        f"{department} on {day} in {store or EVERY}: what its receipt lines add up to",
        f"select sum(lines.sales_usd) {lines}",
        "USD",
        given,
    )
    board.table(
        "The dearest lines of receipts, each with the file that it came in",
        DEAREST.format(lines=lines),
        given,
        links={"file": "/file/{file}"},
        most=100,
    )
