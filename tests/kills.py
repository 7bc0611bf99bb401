"""How often tests kill a feed: a few times in CI, as often as the environment says in a soak."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("ASSAY_KILLS", "3"))
