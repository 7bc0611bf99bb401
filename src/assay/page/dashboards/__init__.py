"""Views that a project declares for itself, in Python files of its folder `dashboard/`.

```python
from assay.page.dashboards import Board, dashboard


@dashboard("Sales")
def sales(board: Board) -> None:
    board.chart("Sales a day", "select sales_date, sum(sales_usd) from gold.daily_sales group by 1 order by 1", "USD")
```

Each figure says by itself which tables it was read from, up to when they have data, and what their checks say.
"""

from assay.page.dashboards.board import Board
from assay.page.dashboards.declared import dashboard

__all__ = ["Board", "dashboard"]
