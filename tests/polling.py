"""A program that opens the published lake again and again until its input is closed, and then says what it saw."""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

import duckdb

QUESTION = """
    select
        (select coalesce(sum(sales_usd), 0) from silver.transactions)::varchar,
        (select coalesce(sum(sales_usd), 0) from gold.daily_sales)::varchar,
        (select coalesce(sum(sales_usd), 0) from gold.product_performance)::varchar
"""


def main(link: Path) -> None:
    """Ask until standard input ends."""
    reads, states, problems = 0, set(), []
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        if not link.exists():
            continue
        try:
            with duckdb.connect(str(link), read_only=True) as connection:
                answer = connection.execute(QUESTION).fetchall()[0]
        except duckdb.Error as error:
            problems.append(f"{time.time()}: {error}")
            continue
        reads += 1
        states.add(answer)
        if len(set(answer)) > 1:
            problems.append(f"silver and gold differ: {answer}")
    sys.stdout.write(json.dumps({"reads": reads, "states": len(states), "problems": problems[:5]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
