"""Tables of recorded searches (schema version 4).

A flight names passages by their integer keys alone, which are never given twice: when a document goes, they mean nothing any
more, and no blob has to be written anew.
"""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    """CREATE TABLE flight (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, asked TEXT NOT NULL, query TEXT NOT NULL,
        hits INTEGER NOT NULL, milliseconds REAL NOT NULL, notes TEXT NOT NULL, data BLOB NOT NULL)""",
)
