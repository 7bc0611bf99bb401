"""Where the command line prints."""

from __future__ import annotations

import sys

from rich.console import Console

WIDE = 160  # columns when the output goes to a file or a pipe

out = Console(width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDE)
