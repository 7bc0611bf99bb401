"""The ledger `ops.files`: one row per sighting of a content at a path. It alone decides what is new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from contracts.contract import Contract
from resources.arrivals import Arrival, Hint
from resources.examine import Examined, examine

OUTCOMES = ("arrived", "duplicate", "refused")


@dataclass
class Looked:
    """What one look at the landing zone of a source found.

    Attributes:
        known: Paths that hold what the ledger says they hold.
        arrived: Names of files with a content that is to be loaded.
        duplicate: Names of files whose content is known under another name or from before.
        refused: (name, reason) of files that cannot be loaded.
        missing: Names of files that went away before they were loaded.
        size_bytes: Bytes that had to be hashed.
    """

    known: int = 0
    arrived: list[str] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    size_bytes: int = 0


@dataclass(frozen=True)
class _Last:
    """The latest sighting of a path."""

    sighting_id: int
    content_hash: str | None
    status: str
    fingerprint: str
    hint: Hint | None


class Ledger:
    """Reads and writes the ledger of one source on an open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, run_id: str) -> None:
        self._connection = connection
        self._contract = contract
        self._run_id = run_id

    def look(self, arrivals: Iterable[Arrival], on_file: Callable[[str], None] = lambda _: None) -> Looked:
        """Write one sighting for each path that shows something new, and say what was found.

        A path whose hint is as it was is not opened. A refused file is examined again when its contract changed.
        """
        looked = Looked()
        last = self._last()
        seen = set()
        for arrival in arrivals:
            seen.add(arrival.name)
            before = last.get(arrival.name)
            if before and self._is_as_it_was(arrival, before):
                looked.known += 1
                continue
            on_file(arrival.name)
            self._sight(arrival, before, looked)
        for name, before in last.items():
            if before.status == "arrived" and name not in seen:
                self._set(before.sighting_id, status="missing", reason="was gone before it was loaded")
                looked.missing.append(name)
        self._adopt_orphans(seen, looked)
        return looked

    def _last(self) -> dict[str, _Last]:
        rows = self._connection.execute(
            "select path, sighting_id, content_hash, status, contract_fingerprint, "
            "size_bytes, mtime_ns, ctime_ns, inode from ops.files where source = ? "
            "qualify row_number() over (partition by path order by sighting_id desc) = 1",
            [self._contract.source],
        ).fetchall()
        return {
            path: _Last(sighting, content, status, contract, Hint(*hint) if None not in hint else None)
            for path, sighting, content, status, contract, *hint in rows
        }

    def _is_as_it_was(self, arrival: Arrival, before: _Last) -> bool:
        if before.status == "missing" or arrival.hint != before.hint:
            return False
        return before.status != "refused" or before.fingerprint == self._contract.fingerprint

    def _sight(self, arrival: Arrival, before: _Last | None, looked: Looked) -> None:
        found = Examined(None, problem=arrival.problem) if arrival.problem else examine(arrival.path, self._contract)
        looked.size_bytes += arrival.hint.size_bytes if arrival.hint else 0
        is_same = before is not None and found.content_hash is not None and before.content_hash == found.content_hash
        if before and is_same and before.status not in ("refused", "missing"):
            self._refresh_hint(before.sighting_id, arrival.hint)
            looked.known += 1
            return
        status = "refused" if found.problem else self._status_of(found.content_hash)
        if (
            before
            and (is_same or before.content_hash == found.content_hash is None)
            and before.status in ("refused", "missing")
        ):
            self._rewrite(before.sighting_id, arrival, found, status)
        else:
            self._insert(arrival, found, status)
        if status == "refused":
            looked.refused.append((arrival.name, found.problem))
        else:
            getattr(looked, status).append(arrival.name)

    def _status_of(self, content_hash: str | None) -> str:
        known = self._connection.execute(
            "select count(*) from ops.files where source = ? and content_hash = ? and status in ('arrived', 'loaded')",
            [self._contract.source, content_hash],
        ).fetchall()
        return "duplicate" if known[0][0] else "arrived"

    def _insert(self, arrival: Arrival, found: Examined, status: str) -> None:
        self._connection.execute(
            """
            insert into ops.files by name
            select
                (select coalesce(max(sighting_id), 0) + 1 from ops.files) as sighting_id,
                case when $content_hash is not null then coalesce(
                    (select min(file_id) from ops.files where source = $source and content_hash = $content_hash),
                    (select coalesce(max(file_id), 0) + 1 from ops.files)
                ) end as file_id,
                $source as source, $path as path, $format as format, $now::timestamptz as first_seen, $run_id as run_id,
                $content_hash as content_hash, $status as status, $reason as reason, $file_date::date as file_date,
                $is_gzip as is_gzip, $header::varchar[] as header, $plain_records as plain_records,
                $has_quoted_line_ends as has_quoted_line_ends,
                $contract_version as contract_version, $contract_fingerprint as contract_fingerprint,
                $size_bytes as size_bytes, $mtime_ns as mtime_ns, $ctime_ns as ctime_ns, $inode as inode
            """,
            {
                "source": self._contract.source,
                "path": arrival.name,
                "format": self._contract.format.type,
                "now": datetime.now(UTC),
                "run_id": self._run_id,
                **self._values(arrival, found, status),
            },
        )

    def _rewrite(self, sighting_id: int, arrival: Arrival, found: Examined, status: str) -> None:
        self._set(sighting_id, run_id=self._run_id, **self._values(arrival, found, status))

    def _values(self, arrival: Arrival, found: Examined, status: str) -> dict[str, object]:
        hint = arrival.hint
        return {
            "content_hash": found.content_hash,
            "status": status,
            "reason": found.problem or None,
            "file_date": found.file_date,
            "is_gzip": found.is_gzip,
            "header": list(found.header) if found.header is not None else None,
            "plain_records": found.plain_records,
            "has_quoted_line_ends": found.has_quoted_line_ends,
            "contract_version": self._contract.version,
            "contract_fingerprint": self._contract.fingerprint,
            "size_bytes": hint.size_bytes if hint else None,
            "mtime_ns": hint.mtime_ns if hint else None,
            "ctime_ns": hint.ctime_ns if hint else None,
            "inode": hint.inode if hint else None,
        }

    def _refresh_hint(self, sighting_id: int, hint: Hint | None) -> None:
        if hint:
            self._set(sighting_id, mtime_ns=hint.mtime_ns, ctime_ns=hint.ctime_ns, inode=hint.inode)

    def _set(self, sighting_id: int, **values: object) -> None:
        assigned = ", ".join(f"{name} = ${name}" for name in values)
        self._connection.execute(
            f"update ops.files set {assigned} where sighting_id = $sighting_id", {**values, "sighting_id": sighting_id}
        )

    def _adopt_orphans(self, seen: set[str], looked: Looked) -> None:
        """A copy takes the place of a file that went away before its content was loaded."""
        orphans = self._connection.execute(
            "select sighting_id, path from ops.files as copy where source = $source and status = 'duplicate' "
            "and file_id not in (select file_id from ops.files "
            "where source = $source and status in ('arrived', 'loaded')) "
            "qualify row_number() over (partition by file_id order by sighting_id desc) = 1",
            {"source": self._contract.source},
        ).fetchall()
        for sighting_id, path in orphans:
            if path in seen:
                self._set(sighting_id, status="arrived")
                looked.arrived.append(path)


def landing_path(landing: Path, name: str) -> Path:
    """The path on disk of a name in the ledger."""
    return landing / os.fsdecode(name.encode("utf-8"))
