"""Where the records of JSON are: a line each, or in an array of a document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from assay.contract.pointer import pointer_of
from assay.describing.kinds import Undescribable
from assay.text import content

_PIECES = 2000  # of 64 KiB, of the document in which records are looked for
_DEPTH = 5


def is_object(line: bytes) -> bool:
    """Whether a line is one JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def records_in(path: Path, encoding: str) -> str:
    """The JSON pointer of the longest array of objects in a document; that of the document where there is none.

    Raises:
        Undescribable: The file is not JSON.
    """
    with closing(content(path)) as pieces:
        text = b"".join(islice(pieces, _PIECES)).decode(encoding, "replace").removeprefix("\ufeff")
        is_whole = next(pieces, None) is None
    if not is_whole:
        raise Undescribable(
            f"{path.name}: is one JSON document of more than {len(text) >> 20:,} MiB, in which records are not looked "
            "for; describe a shorter one of the same shape, and the contract will read this one"
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Undescribable(f"{path.name}: looks like JSON and is none: {error}") from error
    arrays = dict(_arrays(document, "", _DEPTH))
    return max(arrays, key=lambda pointer: arrays[pointer], default="")


def _arrays(value: object, pointer: str, depth: int) -> Iterator[tuple[str, int]]:
    if isinstance(value, list):
        count = sum(isinstance(item, dict) for item in value)
        if count:
            yield pointer, count
    elif isinstance(value, dict) and depth:
        for key, item in value.items():
            yield from _arrays(item, pointer + pointer_of(str(key)), depth - 1)
