"""A process that tells `assay serve` what needs libraries that a server does not keep in memory: JSON on its output.

With `declared` the feeds of webhooks that the project has; with `look`, and a feed on its input, where that one is.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.feeds import declared
from assay.connectors.webhook.feed import WebhookFetcher
from assay.contract.feed_kinds.webhook import WebhookFeed


def main() -> None:
    """Print the answer; what a person has to do something about is an answer too."""
    try:
        answer: object = _look(json.load(sys.stdin)) if sys.argv[1:] == ["look"] else _declared()
    except UserError as error:
        answer = {"problem": str(error)}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


def _declared() -> list[dict[str, object]]:
    _, feeds = declared(Settings.from_env())
    return [asdict(feed) for feed in feeds.values() if isinstance(feed, WebhookFeed)]


def _look(feed: dict[str, object]) -> dict[str, object]:
    declaration = WebhookFeed(**feed)  # type: ignore[arg-type]
    return asdict(WebhookFetcher(Settings.from_env(), declaration).look())


if __name__ == "__main__":
    main()
