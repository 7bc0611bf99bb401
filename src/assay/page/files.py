"""Files: the ledger, searched; and one content with all that is known of it."""

from __future__ import annotations

from urllib.parse import urlencode

from assay.ledger.search import of_content, outcomes, search
from assay.page.visits import Answer, NotThere, Visit
from assay.publish.status import held_snapshots
from assay.trust.deliveries import read_deliveries
from assay.trust.quarantine import quarantines

SHOWN = 100
"""Files of a page."""
_LONGEST = 12
"""Digits of a number in an address."""


def files(visit: Visit) -> Answer:
    """Sightings, the newest first."""
    text, source, status = (visit.query.get(name, "").strip() for name in ("text", "source", "status"))
    page = visit.query.get("page", "1")
    after = (int(page) - 1) * SHOWN if page.isdecimal() and len(page) < _LONGEST and int(page) else 0
    rows, total = search(visit.connection, text, source, status, most=SHOWN, after=after)
    asked = {name: value for name, value in (("text", text), ("source", source), ("status", status)) if value}
    number = after // SHOWN + 1

    def at(page_number: int) -> str:
        return f"/files?{urlencode({**asked, 'page': page_number})}"

    values = {
        "rows": rows,
        "total": total,
        "first": after + 1,
        "text": text,
        "source": source,
        "status": status,
        "sources": sorted(visit.catalog.contracts),
        "statuses": outcomes(visit.connection),
        "newer": at(number - 1) if number > 1 else "",
        "older": at(number + 1) if after + len(rows) < total else "",
    }
    return Answer("files.html.j2", "Files", values)


def file(visit: Visit) -> Answer:
    """One content."""
    number = int(visit.path["number"])
    sightings = of_content(visit.connection, number)
    if not sightings:
        raise NotThere(f"no file has the number {number}; the view Files lists all that were seen")
    source = sightings[-1].source
    held = [
        each.because for each in held_snapshots(visit.connection) if each.file_id == number and each.source == source
    ]
    values = {
        "number": number,
        "sightings": sightings,
        "last": sightings[-1],
        "loaded": next((each for each in sightings if each.status == "loaded"), None),
        "held": held,
        "deliveries": read_deliveries(visit.connection, source, number),
        "has_quarantine": source in quarantines(visit.connection, visit.catalog),
    }
    return Answer("file.html.j2", sightings[-1].path, values)
