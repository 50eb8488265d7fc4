"""Names and addresses of computers."""

from __future__ import annotations

import ipaddress


def is_loopback(name: str) -> bool:
    """Whether a name or address is this computer's own."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
