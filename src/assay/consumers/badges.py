"""A badge for each table, to stand beside a chart in any BI tool: `published/badges/<table>.svg` and `.json`.

A badge may be looked at long after it was written, in a report or by a server that caches. So it says no age, which
would be wrong then: it says up to when the table has data, when its checks were run, and when new data is due. Each
file is replaced in one step, and only when what it says changes.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from assay.trust.table_trust import State, TableTrust

FOLDER = "badges"
_COLOURS: Mapping[State, str] = {"good": "#116329", "odd": "#7a4b00", "bad": "#a40e26", "unknown": "#57606a"}
"""Backgrounds on which white text has a contrast of at least 6 to 1."""
_LABEL = "#30363d"
_CHARACTER, _PADDING, _HEIGHT = 6.6, 8, 20
"""Pixels of a character, beside a text, and of a badge."""
_LONGEST = 200  # characters of a text, and of a file's name


def badges_folder(published: Path) -> Path:
    """Where the badges are."""
    return published / FOLDER


def badge_name(table: str) -> str:
    """The name of a table's badge without its ending, as it stands in an address too; a long one ends in a hash."""
    name = quote(table, safe="")
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}~{hashlib.sha256(table.encode(errors='surrogatepass')).hexdigest()[:16]}"


def badge(trust: TableTrust, now: datetime) -> dict[str, Any]:
    """What a badge says, as its JSON has it; also what the badge service shields.io reads as an endpoint.

    Args:
        trust: What there is to know of the table.
        now: The time.
    """
    due = trust.age.due if trust.age else None
    return {
        "schemaVersion": 1,
        "label": trust.table,
        "message": message(trust),
        "color": _COLOURS[trust.state],
        "isError": trust.state == "bad",
        "table": trust.table,
        "verdict": trust.state,
        "owner": trust.owner,
        "data_through": str(trust.through.value) if trust.through else None,
        "newest_file_landed_at": _iso(trust.age.as_of if trust.age else None),
        "checked_at": _iso(trust.checks.checked_at if trust.checks else None),
        "promise": trust.age.policy if trust.age else None,
        "is_late": trust.is_late,
        "written_at": _iso(now),
        "holds_until": _iso(due) if due and due > now else None,
    }


def message(trust: TableTrust) -> str:
    """What stands behind the table's name: nothing in it becomes wrong as time goes by."""
    parts = []
    if trust.through:
        parts.append(f"data through {trust.through.value}")
    elif trust.age and trust.age.as_of:
        parts.append(f"files landed up to {_minute(trust.age.as_of)}")
    if trust.age and trust.age.due:
        parts.append(f"{'late since' if trust.is_late else 'new data due'} {_minute(trust.age.due)}")
    verdict = "" if trust.sentence == "late" else trust.sentence
    if verdict:
        parts.append(f"{verdict}, {_minute(trust.checks.checked_at)}" if trust.checks else verdict)
    return " · ".join(parts) or "no data yet"


def svg(facts: Mapping[str, Any]) -> str:
    """A badge as a picture.

    Args:
        facts: As `badge` gives it.
    """
    label, text = (_printable(str(facts[key])) for key in ("label", "message"))
    left, right = (round(len(words) * _CHARACTER + 2 * _PADDING) for words in (label, text))
    title = escape(f"{label}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img">'
        f"<title>{title}</title>"
        f'<rect width="{left + right}" height="{_HEIGHT}" rx="3" fill="{_LABEL}"/>'
        f'<path fill="{facts["color"]}" '
        f'd="M{left} 0h{right - 3}a3 3 0 0 1 3 3v{_HEIGHT - 6}a3 3 0 0 1-3 3h-{right - 3}z"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(_PADDING, left - 2 * _PADDING, label)}{_text(left + _PADDING, right - 2 * _PADDING, text)}</g></svg>\n"
    )


def write_badges(published: Path, trusts: Collection[TableTrust], now: datetime) -> datetime | None:
    """Write the badges of all tables, and remove those of tables that are not there any more.

    Args:
        published: The folder.
        trusts: Of each table of the project.
        now: The time.

    Returns:
        When the first of them does not hold any more; None when all hold until something is published.

    Raises:
        OSError: They cannot be written.
    """
    folder = badges_folder(published)
    folder.mkdir(parents=True, exist_ok=True)
    kept = set()
    ends = []
    for trust in trusts:
        facts = badge(trust, now)
        name = badge_name(trust.table)
        kept |= {f"{name}.svg", f"{name}.json"}
        if facts["holds_until"] and trust.age and trust.age.due:
            ends.append(trust.age.due)
        if _is_news(folder / f"{name}.json", facts):
            _replace(folder / f"{name}.svg", svg(facts))
            _replace(folder / f"{name}.json", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink(missing_ok=True)
    return min(ends, default=None)


def _is_news(path: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a badge that is there says something else; when it was written does not count."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return True
    written = {"written_at": facts["written_at"]}
    return not isinstance(before, dict) or {**before, **written} != facts or not path.with_suffix(".svg").exists()


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{secrets.token_hex(8)}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _text(x: int, width: int, words: str) -> str:
    return f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'


def _printable(text: str) -> str:
    """A text without characters that XML cannot hold, and not longer than a badge may be."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _iso(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat(timespec="seconds") if time else None
