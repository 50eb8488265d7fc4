"""Names and addresses of computers."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[\w.:%-]+")


def is_loopback(name: str) -> bool:
    """Whether a name or address is this computer's own."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def http_host(address: str) -> str:
    """The host of an address that an HTTP client takes.

    Raises:
        ValueError: it is none; the sentence repeats nothing of it, as keys and passwords are typed into such fields.
    """
    address = address.strip()
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("its host or port makes no sense") from None
    if parts.scheme.lower() not in {"http", "https"}:
        raise ValueError("it does not begin with http:// or https://")
    if not host or not _HOST.fullmatch(host) or not address.isprintable() or any(map(str.isspace, address)):
        raise ValueError("its host makes no sense")
    if "@" in parts.netloc:
        raise ValueError("it holds a user name or a password")
    if parts.query or parts.fragment:
        raise ValueError("it has something behind a '?' or '#'")
    return host
