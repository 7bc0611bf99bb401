"""Where this repository is; tests may be started from any folder."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
