"""Which elements of XML documents are records, as far as the documents show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from assay.describing.kinds import Undescribable
from assay.text import Unreadable, content
from assay.text.xml_count import walk

_MOST_PATHS = 10_000
"""Different paths of a document that are counted."""
_SHOWN = 3


def record_path(paths: Sequence[Path]) -> tuple[str, list[str]]:
    """The path of the elements that are records, and what is not sure of it.

    They are the elements that repeat within one that does not, the most frequent of them; those of which none has
    attributes or elements in it are values rather than records. Where nothing repeats, each document is a record.

    Raises:
        Undescribable: A document cannot be read.
    """
    documents = [_paths_of(path) for path in paths]
    repeated = {place for seen in documents for place, times in seen.times.items() if times > 1}
    total: Counter[str] = sum((seen.times for seen in documents), Counter())
    filled = set[str]().union(*(seen.filled for seen in documents))
    top = [place for place in repeated if place.rpartition("/")[0] not in repeated]
    candidates = [place for place in top if place in filled]
    root = max(total, key=lambda place: (place.count("/") == 1, total[place]))
    chosen = max(candidates, key=lambda place: (total[place], place), default="")
    if not chosen:
        chosen = top[0] if len(top) == 1 and len(total) == top[0].count("/") else root
    others = [place for place in repeated if total[place] > total[chosen] or not f"{place}/".startswith(f"{chosen}/")]
    others.sort(key=lambda place: (-total[place], place))
    also = ", ".join(f"{place} ({total[place]:,})" for place in others[:_SHOWN])
    besides = f"; {also} repeat too" if also else ""
    return chosen, [f"records: {chosen} was taken, of which there are {total[chosen]:,}{besides}"]


class _Seen:
    """The paths of the elements of a document."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.filled: set[str] = set()
        self._open = [""]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Go into an element."""
        above = self._open[-1]
        place = f"{above}/{name.rpartition(' ')[2]}"
        self._open.append(place)
        if place not in self.times and len(self.times) >= _MOST_PATHS:
            return
        self.times[place] += 1
        self.filled.add(above)
        if attributes:
            self.filled.add(place)

    def end(self, _: str) -> None:
        """Go out of an element."""
        self._open.pop()


def _paths_of(path: Path) -> _Seen:
    seen = _Seen()
    try:
        walk(content(path), seen.start, seen.end)
    except Unreadable as error:
        raise Undescribable(f"{path.name}: {error}") from error
    return seen
