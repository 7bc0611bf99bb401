"""The Chromium of the system, in which tests click through the page; `make browser` installs it where root may.

Without one those tests are skipped on a desk, and fail in CI and where `ASSAY_BROWSER=1` asks for them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "the tests of the page need Chromium: install your system's package chromium, then `make browser` again"


def program() -> str | None:
    """The browser; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def needed() -> str:
    """The browser, or the end of the test."""
    path = program()
    if path is None and ("CI" in os.environ or os.environ.get("ASSAY_BROWSER") == "1"):
        pytest.fail(MISSING)
    if path is None:
        pytest.skip(MISSING)
    return path


def main() -> None:
    """Install it where it is missing and root may."""
    if program() is not None:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write(f"{MISSING}\n")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-yq", "--no-install-recommends", "chromium"]):
        subprocess.run(command, env=environment, check=False, cwd=Path("/"))


if __name__ == "__main__":
    main()
