"""Whether the way to a server leaves this machine, and so has to be encrypted."""

from __future__ import annotations

from ipaddress import ip_address


def are_here(hosts: str) -> bool:
    """Whether all hosts, with commas between them, are this machine."""
    for host in hosts.split(","):
        try:
            if not ip_address(host).is_loopback:
                return False
        except ValueError:
            if host not in ("", "localhost") and not host.startswith(("/", "@")):
                return False
    return True
