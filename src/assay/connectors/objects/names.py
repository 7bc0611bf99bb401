"""Keys of objects as paths of files: most stand as they are, the others are escaped so that each key has one path.

Pure. Escaped is what no file can be called (an empty part, `.`, `..`, a NUL) or what would harm a terminal (other
control characters), as `%_` and the hex of a byte: `a//b` is `a/%_/b`, `../b` is `%_2E./b`. A `%_` of the key itself is
`%_25_`. `%20` and the like stand as they are, because Hive's partitions are written so.
"""

from __future__ import annotations

import re

_MARK = "%_"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|%(?=_)")
_MOST_BYTES = 255
_MOST_IN_ALL = 3072
"""Of a path; Linux takes 4,096 bytes with the folders of the landing zone before it."""


def path_of(key: str) -> str:
    """The path that stands for a key, below the folder of objects."""
    return "/".join(map(_part, key.split("/")))


def problem_of(path: str) -> str:
    """Why no file can be called so; empty where one can."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    longest = max(len(part.encode()) for part in path.split("/"))
    if longest > _MOST_BYTES:
        return f"a part of its name has {longest:,} bytes, and a file's name {_MOST_BYTES} at most"
    if (size := len(path.encode())) > _MOST_IN_ALL:
        return f"its name has {size:,} bytes, and a path {_MOST_IN_ALL:,} at most"
    return ""


def _part(part: str) -> str:
    if not part:
        return _MARK
    text = _UNSAFE.sub(lambda match: "".join(f"{_MARK}{byte:02X}" for byte in match[0].encode()), part)
    return f"{_MARK}2E{text[1:]}" if text in (".", "..") else text
