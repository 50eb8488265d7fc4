"""How often one key, or one address, may ask: a moving window of a minute, in memory."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from cortex_engine.api.answers import Refused


class Rates:
    """Counts requests of the last minute by name."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def require(self, per_minute: int, kind: str, name: str) -> None:
        """Count one request.

        Raises:
            Refused: (429) there were `per_minute` in the last minute; "retry-after" says when the oldest is a minute old.
        """
        item = RateLimitItemPerMinute(per_minute)
        if not self._limiter.hit(item, kind, name):
            wait = self._limiter.get_window_stats(item, kind, name).reset_time - time.time()
            headers = {"retry-after": str(max(1, math.ceil(wait)))}
            raise Refused(429, "too_often", "Too many requests within a minute. Wait a little.", headers)


def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv4 address, or the 64-bit network of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
