"""Three weeks of small, untidy deliveries: what stores and merchants really do wrong, made from a seed.

Belongs here: files for tests of order and of crashes. Keep out: what Assay makes of them.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from tests.lab import product, products_jsonl, receipt, receipts_csv

FIRST_DAY = date(2017, 1, 1)
DAYS = 21
BASKETS_A_DAY = 40
PRODUCTS = 30
DEPARTMENTS = ("GROCERY", "DRUG GM", "PRODUCE", "FUEL", " meat ")


@dataclass(frozen=True)
class Delivery:
    """One version of one file: its name below landing, and its bytes."""

    name: str
    content: bytes


def three_weeks(seed: int, *, receipt_files: int = 9, baskets: int = BASKETS_A_DAY) -> list[Delivery]:
    """Deliveries in the order in which they were sent; versions of one name stand in their own order.

    Among them are rows that came twice, rows that contradict each other at the same second, late and impossible rows,
    records that are no rows, two files that were corrected and one that was copied, and snapshots of products that
    change, leave out and bring back products, one of them a repetition of an earlier one. Beside them come campaigns,
    promotions and what is known of households.

    Args:
        seed: Of everything that is drawn.
        receipt_files: Files of receipts, spread over 21 days; a day has several when there are more than days.
        baskets: Receipts in each.
    """
    draw = random.Random(seed)  # noqa: S311 - data, no secret
    files = _receipt_files(draw, receipt_files, baskets)
    names = sorted(files)
    versions = [Delivery(name, files[name]) for name in names]
    for name in draw.sample(names, 2):
        versions.append(Delivery(name, _corrected(draw, files[name])))
    versions.append(Delivery(names[-1].replace(".csv", " copy.csv"), files[names[-1]]))
    return [*versions, *_snapshots(draw), *_campaigns(draw), *_promotions(draw), *_households(draw)]


def shuffled(deliveries: Sequence[Delivery], seed: float) -> list[Delivery]:
    """The deliveries in another order; only versions of one name keep theirs."""
    names = [delivery.name for delivery in deliveries]
    random.Random(seed).shuffle(names)  # noqa: S311 - as above
    waiting = {name: iter([d for d in deliveries if d.name == name]) for name in names}
    return [next(waiting[name]) for name in names]


def _receipt_files(draw: random.Random, count: int, baskets: int) -> dict[str, bytes]:
    sent: list[dict[str, object]] = []
    files = {}
    for number in range(count):
        day = FIRST_DAY + timedelta(days=number * DAYS // count)
        lines = [line for basket in range(baskets) for line in _basket(draw, day, number * 1000 + basket)]
        again = draw.sample(sent, min(len(sent), baskets // 4))
        conflicting = [{**line, "sales_value": f"{draw.randint(0, 900) / 100:.2f}"} for line in again[::2]]
        late = [_moved(draw, line) for line in draw.sample(sent, min(len(sent), 5))]
        sent += lines
        rows = [*lines, *again, *conflicting, *late]
        draw.shuffle(rows)
        name = f"{day}" if count <= DAYS else f"{day} {number:03}"
        files[f"transactions/{name}.csv"] = receipts_csv(rows) + _malformed(draw)
    return files


def _basket(draw: random.Random, day: date, basket: int) -> Iterator[dict[str, object]]:
    store, household = draw.randint(1, 4), draw.randint(1, 20)
    at = datetime.combine(day - timedelta(days=draw.choice((0, 0, 0, 0, 1, 6))), datetime.min.time())
    at += timedelta(seconds=draw.randint(0, 86_399))
    for sold in draw.sample(range(PRODUCTS + 3), draw.randint(1, 4)):
        quantity = draw.choice((1, 1, 2, 5, 0, 9_000 if _is_fuel(sold) else 1, -1 if draw.random() < 0.05 else 1))
        yield receipt(
            household_id=household,
            store_id=store,
            basket_id=basket,
            product_id=sold,
            quantity=quantity,
            sales_value=f"{draw.randint(1, 3000) / 100:.2f}" if quantity else "0.00",
            retail_disc=f"{draw.randint(0, 100) / 100:.2f}",
            transaction_timestamp=f"{at:%Y-%m-%d %H:%M:%S}",
        )


def _is_fuel(product_id: int) -> bool:
    return product_id % 5 == 3


def _moved(draw: random.Random, line: dict[str, object]) -> dict[str, object]:
    at = datetime.fromisoformat(str(line["transaction_timestamp"])) + timedelta(days=draw.choice((-2, 1, 3)))
    return {**line, "store_id": draw.randint(1, 4), "transaction_timestamp": f"{at:%Y-%m-%d %H:%M:%S}"}


def _malformed(draw: random.Random) -> bytes:
    bad = (b"1,2,3\n", b"1,7,5,5,1.5,2.50,0,0,0,1,2017-01-02 15:00:00\n", b"a,b,c,d,e,f,g,h,i,j,k,l\n")
    return b"".join(draw.sample(bad, draw.randint(0, 2)))


def _corrected(draw: random.Random, content: bytes) -> bytes:
    """The file again, with a tenth of its lines gone and another tenth at another price."""
    header, *lines = content.decode().splitlines()
    kept = []
    for line in lines:
        fate = draw.random()
        fields = line.split(",")
        if 0.1 < fate < 0.2 and len(fields) == len(header.split(",")):
            fields[5] = f"{draw.randint(1, 3000) / 100:.2f}"
        if fate > 0.1:
            kept.append(",".join(fields))
    return "\n".join([header, *kept, ""]).encode()


def _snapshots(draw: random.Random) -> Iterator[Delivery]:
    known = [
        product(
            product_id=number,
            department=draw.choice(DEPARTMENTS),
            product_type="GASOLINE-REG UNLEADED" if _is_fuel(number) else "COOKIES",
        )
        for number in range(PRODUCTS)
    ]
    contents = []
    for week in range(4):
        rows = [row for row in known if int(str(row["product_id"])) <= (week + 1) * PRODUCTS // 3]
        moved = draw.sample(rows, 3)
        rows = [{**row, "department": draw.choice(DEPARTMENTS)} if row in moved else row for row in rows]
        contents.append(products_jsonl([*rows[: -week or None], product(product_id=2, brand="Homemade")]))
        content = contents[1] if week == 3 else contents[week]
        yield Delivery(f"products/products_{FIRST_DAY + timedelta(days=7 * week)}.jsonl.gz", content)


def _campaigns(draw: random.Random) -> Iterator[Delivery]:
    """Two campaigns; the announcement of the second one is corrected."""
    first, second = "2017-01-05", "2017-01-12"
    terms = [{"campaign_id": 1, "campaign_type": "Type A", "start_date": first, "end_date": "2017-01-11"}]
    yield Delivery(f"campaigns/campaigns_{first}.jsonl", _jsonl(terms))
    terms = [{"campaign_id": 2, "campaign_type": "Type B", "start_date": second, "end_date": "2017-01-14"}]
    yield Delivery(f"campaigns/campaigns_{second}.jsonl", _jsonl(terms))
    yield Delivery(f"campaigns/campaigns_{second}.jsonl", _jsonl([{**terms[0], "end_date": "2017-01-18"}]))
    lists = "".join(f"{draw.randint(1, 2)},{household}\n" for household in range(1, 21))
    yield Delivery("campaign_households/a.csv.gz", f"campaign_id,household_id\n{lists}".encode())
    yield Delivery("coupons/a.tsv.zst", b"coupon_upc\tproduct_id\tcampaign_id\n5\t1\t1\n5\t1\t1\n6\t2\t2\n")
    taken = [
        {
            "household_id": draw.randint(1, 20),
            "coupon_upc": 5,
            "campaign_id": draw.randint(1, 2),
            "redemption_date": day,
        }
        for day in ("2017-01-06", "2017-01-13", "2017-01-13")
    ]
    yield Delivery("coupon_redemptions/a.jsonl", _jsonl(taken))


def _promotions(draw: random.Random) -> Iterator[Delivery]:
    for week in (1, 2, 3):
        rows = sorted(
            {
                (draw.randint(0, PRODUCTS), draw.randint(1, 4), draw.choice("0037A"), draw.choice("00ADH"), week)
                for _ in range(40)
            }
        )
        yield Delivery(f"promotions/{week}.parquet", _parquet(rows))


def _parquet(rows: Sequence[tuple[object, ...]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "made.parquet"
        connection.execute(
            "create table made (product_id bigint, store_id bigint, display_location varchar, mailer_location varchar, "
            "week bigint)"
        )
        connection.executemany("insert into made values (?, ?, ?, ?, ?)", rows)
        connection.execute(f"copy made to '{path}' (format parquet)")
        return path.read_bytes()


def _households(draw: random.Random) -> Iterator[Delivery]:
    names = "household_id;age;income;home_ownership;marital_status;household_size;household_comp;kids_count"
    for day, known in (("2017-01-01", 9), ("2017-01-15", 15)):
        lines = [
            f"{household};{draw.choice(('65+', '19-24', 'old'))};250K+;;Married;2;2 Adults No Kids;0"
            for household in range(1, known)
        ]
        yield Delivery(f"households/households_{day}.csv", "\n".join([names, *lines, ""]).encode("latin-1"))


def _jsonl(rows: Sequence[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
