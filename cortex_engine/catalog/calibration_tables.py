"""Tables of calibrated scores and measured recall (schema version 4)."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
