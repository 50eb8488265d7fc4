"""Tables of conversations (schema version 4)."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
