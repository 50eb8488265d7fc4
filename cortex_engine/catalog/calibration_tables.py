"""Tables of calibrated scores and of recall samples: numbers only, none of them names a document, a passage or a query."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # Keys never come again: whoever keeps a calibration in memory knows by its key whether it still holds.
    """CREATE TABLE calibration (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        collection INTEGER NOT NULL REFERENCES collection (key) ON DELETE CASCADE,
        model INTEGER NOT NULL REFERENCES embedding_spec (key) ON DELETE CASCADE, stage TEXT NOT NULL,
        unrelated BLOB NOT NULL, related BLOB NOT NULL, judged INTEGER NOT NULL, pairs INTEGER NOT NULL,
        made TEXT NOT NULL, passages INTEGER NOT NULL, UNIQUE (collection, model, stage))""",
    """CREATE TABLE recall_sample (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        model INTEGER NOT NULL REFERENCES embedding_spec (key) ON DELETE CASCADE,
        k INTEGER NOT NULL, found INTEGER NOT NULL, candidates INTEGER NOT NULL, asked TEXT NOT NULL,
        widening REAL NOT NULL)""",
    "CREATE INDEX recall_sample_model ON recall_sample (model, key)",
)
