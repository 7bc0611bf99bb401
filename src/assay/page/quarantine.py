"""Quarantine: the records that are left out, why, and since when."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote, urlencode

from assay.contract.names import TableName
from assay.page.charts import Chart, Series
from assay.page.visits import Answer, Download, NotThere, Visit
from assay.page.words import plural
from assay.trust.quarantine import Reason, count_left, export, quarantines, read_left, read_reasons

SHOWN = 50
"""Records that are shown at once."""
CHARTED_DAYS = 60
"""Days of the chart: the last of those that have a record."""


def quarantine(visit: Visit) -> Answer:
    """By source and reason over time, and the records of a source."""
    sources = quarantines(visit.connection, visit.catalog)
    source, reason = visit.query.get("source", ""), visit.query.get("reason", "")
    if source and source not in sources:
        known = ", ".join(sources) or "none"
        raise NotThere(f"readers see no quarantine of {source}; there are those of {known}")
    reasons = read_reasons(visit.connection, visit.catalog, [source] if source else sources)
    shown = list(read_left(visit.connection, visit.catalog, source, reason, most=SHOWN)) if source else []
    counts = {name: count_left(visit.connection, name) for name in ([source] if source else sources)}
    values = {
        "sources": sources,
        "source": source,
        "reason": reason,
        "reasons": [(each, _link(each)) for each in reasons],
        "counts": counts,
        "total": sum(counts.values()),
        "records": shown,
        "chart": _chart([each for each in reasons if reason in ("", each.reason)]),
        "export": f"/quarantine/export/{quote(source, safe='')}?{urlencode({'reason': reason})}" if source else "",
    }
    return Answer("quarantine.html.j2", "Quarantine", values)


def download(visit: Visit) -> Download:
    """The records of a source that are left out, a line of JSON each."""
    source = visit.path["source"]
    if source not in quarantines(visit.connection, visit.catalog):
        raise NotThere(f"readers see no quarantine of {source}")
    content = export(visit.connection, visit.catalog, source, visit.query.get("reason", ""))
    return Download(f"{TableName('quarantine', source).model}.jsonl", "application/x-ndjson", content)


def _link(reason: Reason) -> str:
    return f"/quarantine?{urlencode({'source': reason.source, 'reason': reason.reason})}"


def _chart(reasons: list[Reason]) -> Chart | None:
    counts: dict[date, int] = {}
    for each in reasons:
        for day, count in each.days:
            counts[day] = counts.get(day, 0) + count
    if not counts:
        return None
    days = sorted(counts)[-CHARTED_DAYS:]
    values = [float(counts[day]) for day in days]
    title = f"{plural(int(sum(values)), 'time')} a record had a reason to be left out, on {plural(len(days), 'day')}."
    return Chart(
        title, "reasons", "day of the file", [str(day) for day in days], [Series("reasons", values)], is_bars=True
    )
