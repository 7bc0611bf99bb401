"""What a content is known by: its bytes, and the values that its path gives its records.

Equal bytes below `region=A` and `region=B` are other records, so they are two contents; a copy whose path says the same
adds nothing. A contract that takes nothing from paths knows a content by its bytes alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.reading.path_values import PathValues


def content_identity(sha256: str, values: PathValues) -> str:
    """The text that the ledger has for a content.

    Args:
        sha256: Of the bytes as received, in hex.
        values: What the path says, by column; none where the contract asks nothing of it.
    """
    return f"{sha256} {json.dumps(values, sort_keys=True, ensure_ascii=False)}" if values else sha256


def bytes_of(identity: str) -> str:
    """The sha256 of the bytes of a content."""
    return identity.partition(" ")[0]
