"""The views of the page, in the order of its navigation."""

from __future__ import annotations

from assay.page.today import today
from assay.page.visits import View

VIEWS: tuple[View, ...] = (View("/", today, "Today", needs_state=False),)
