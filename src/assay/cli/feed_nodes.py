"""Prints the bronze models with a feed, by source, as JSON: what the services start the processes of feeds with.

Those that are `fetched` each have a process of their own; one serves all that senders bring.

It is a process of its own because dbt parses the project for it, which takes more memory than all feeds together.
"""

from __future__ import annotations

import json
import sys

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.feeds import declared
from assay.contract.names import TableName
from assay.fetching.process import handed_over

COMMAND = (sys.executable, "-P", "-m", "assay.cli.feed_nodes")


def main() -> None:
    """Print them, or the sentence that says why they cannot be read."""
    try:
        catalog, feeds = declared(Settings.from_env())
    except UserError as error:
        sys.exit(str(error))
    nodes = {name: handed_over(catalog.models[TableName.of_source(name).model]) for name in feeds}
    fetched = {name: node for name, node in nodes.items() if feeds[name].is_fetched}
    served = {name: node for name, node in nodes.items() if name not in fetched}
    sys.stdout.write(f"\n{json.dumps({'fetched': fetched, 'served': served})}")


if __name__ == "__main__":
    main()
