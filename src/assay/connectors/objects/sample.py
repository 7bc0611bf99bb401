"""The first objects that a feed would fetch, to be looked at."""

from __future__ import annotations

from datetime import UTC, datetime

from assay.connectors.objects.names import path_of, problem_of
from assay.connectors.objects.source import ObjectSource
from assay.contract.feed import FOLDER
from assay.contract.feed_kinds.objects import OBJECTS, ObjectsFeed
from assay.contract.file_glob import may_be_claimed
from assay.feeds.sample import Sample, SampleColumn

_COLUMNS = ("object", "bytes", "version", "written", "would land")


def sample(feed: ObjectsFeed, source: ObjectSource, count: int) -> Sample:
    """The first objects of the listing, and whether the glob claims each.

    Args:
        feed: The feed.
        source: Its place.
        count: How many; of those that would land as many as there are, then others.

    Raises:
        FeedError: It cannot be listed.
    """
    claims = feed.landed_glob.claims
    wanted: list[tuple[object, ...]] = []
    others: list[tuple[object, ...]] = []
    with source.connected():
        for page in source.pages():
            for seen in page:
                path = f"{FOLDER}/{feed.source}/{OBJECTS}/{path_of(seen.key)}"
                written = datetime.fromtimestamp(seen.modified, UTC).isoformat(timespec="seconds")
                is_claimed = claims(path)
                if len(rows := wanted if is_claimed else others) < count:
                    rows.append((seen.key, seen.size, seen.version, written, _would_land(path, is_claimed)))
            if len(wanted) >= count:
                break
    columns = tuple(SampleColumn(name, "", "") for name in _COLUMNS)
    return Sample(columns, tuple([*wanted, *others][:count]), is_of_files=True)


def _would_land(path: str, is_claimed: bool) -> str:
    *folders, name = path.split("/")
    if not may_be_claimed(name, folders):
        return "no: names that begin with _ or ., and unfinished ones, are left alone"
    if not is_claimed:
        return "no: `files` does not match"
    problem = problem_of(path)
    return f"no: {problem}" if problem else "yes"
