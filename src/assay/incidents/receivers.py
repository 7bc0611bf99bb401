"""Who gets messages about incidents: `ASSAY_NOTIFY`, or `notify.yml` in the lake's folder.

```yaml
- url: slack://…                 # any service of Apprise
  levels: [2, 3, 4]              # default: all
  owners: [sales-data]           # default: all
```

The URLs are secrets. They are never logged, stored or shown: a receiver is called by its number and its kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from assay.base.errors import UserError
from assay.base.fork_mark import is_fork
from assay.incidents.reconcile import EVERYONE, OWNER, TEAM

FILE = "notify.yml"
LEVELS = (OWNER, TEAM, EVERYONE)
_KEYS = ("url", "levels", "owners")


class ReceiverError(UserError):
    """A receiver cannot be used. The message says which and why, and never its URL."""


@dataclass(frozen=True)
class Receiver:
    """One address that messages are sent to.

    Attributes:
        label: What it is called where people read it, e.g. `2 (slack)`.
        url: As Apprise writes it.
        levels: Levels of the messages that it gets.
        owners: Teams whose incidents it gets; empty for all.
    """

    label: str
    url: str = field(repr=False)
    levels: frozenset[int] = frozenset(LEVELS)
    owners: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """The key in the store: enough of a hash to tell receivers apart, too little to test guesses of a URL."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:8]


def read_receivers(home: Path, urls: str) -> list[Receiver]:
    """All receivers: those of the environment, then those of the file.

    Args:
        home: The lake's folder.
        urls: `ASSAY_NOTIFY`, URLs separated by blanks.

    Returns:
        None for a fork, whatever is said: what is tried there is nobody's incident.

    Raises:
        ReceiverError: Something is not understood.
    """
    if is_fork(home):
        return []
    entries = [(f"ASSAY_NOTIFY, URL {number}", {"url": url}) for number, url in enumerate(urls.split(), 1)]
    path = home / FILE
    if path.exists():
        try:
            listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            place = getattr(error, "problem_mark", None)
            at = f", line {place.line + 1}" if place else ""
            raise ReceiverError(f"{FILE}{at}: is no YAML") from None  # the error itself quotes the line
        if not isinstance(listed, list):
            raise ReceiverError(f"{FILE}: expected a list of receivers, each with `url:`")
        entries += [(f"{FILE}, receiver {number}", item) for number, item in enumerate(listed, 1)]
    receivers: dict[str, Receiver] = {}
    for number, (where, item) in enumerate(entries, 1):
        receiver = _receiver(where, number, item)
        if receiver.key in receivers:
            raise ReceiverError(f"{where}: its url is that of receiver {receivers[receiver.key].label}; say it once")
        receivers[receiver.key] = receiver
    return list(receivers.values())


def for_owner(receivers: Sequence[Receiver], owner: str, level: int) -> list[Receiver]:
    """The receivers of a message of a level about a team's table.

    At the last level the owner does not count: everyone is told. A team that nobody listens for is everyone's.
    """
    at_level = [receiver for receiver in receivers if level in receiver.levels]
    if level >= EVERYONE or not any(not r.owners or owner in r.owners for r in receivers):
        return at_level
    return [receiver for receiver in at_level if not receiver.owners or owner in receiver.owners]


def _receiver(where: str, number: int, entry: object) -> Receiver:
    if not isinstance(entry, Mapping):
        raise ReceiverError(f"{where}: expected `url:` and perhaps `levels:` and `owners:`")
    unknown = sorted(str(key) for key in set(entry) - set(_KEYS))
    if unknown:
        raise ReceiverError(f"{where}: unknown key {', '.join(unknown)}; there are {', '.join(_KEYS)}")
    url = entry.get("url")
    if not isinstance(url, str) or "://" not in url:
        raise ReceiverError(f"{where}: its url is none; expected one of a service of Apprise, such as mailto://…")
    levels, owners = _listed(where, entry, "levels", LEVELS), _listed(where, entry, "owners", ())
    if not levels or not all(type(level) is int and level in LEVELS for level in levels):
        raise ReceiverError(f"{where}: levels: {levels} are not some of {list(LEVELS)}")
    label = f"{number} ({url.split('://', 1)[0]})"
    return Receiver(label, url, frozenset(levels), frozenset(map(str, owners)))


def _listed(where: str, entry: Mapping[Any, Any], key: str, default: Iterable[Any]) -> list[Any]:
    values = entry.get(key, list(default))
    if not isinstance(values, list):
        raise ReceiverError(f"{where}: {key}: expected a list such as [{', '.join(map(str, default)) or 'team'}]")
    return values
