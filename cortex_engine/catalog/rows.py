"""Plain functions on an open connection that several parts of the catalog share."""

from __future__ import annotations

import difflib
import json
import sqlite3
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk
from cortex_engine.core.errors import NotFoundError, UsageError

CHUNK_COLUMNS = "c.id, d.id, c.ordinal, c.text, c.char_start, c.char_end, c.page, c.page_end, c.context, c.tokens"
"""In the order of the fields of `Chunk`; `c` is the table chunk, `d` document."""

NAME_LENGTH = 200
"""Characters that a name given by a person may have."""


def now() -> str:
    """The time in UTC, ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def array(values: Iterable[str | int]) -> str:
    """Values for `json_each(?)`: any number of them as one bound parameter."""
    return json.dumps(list(values))


def chunk(row: tuple[Any, ...]) -> Chunk:
    """A chunk from `CHUNK_COLUMNS`."""
    return Chunk(*row)


def spec_from(text: str) -> EmbeddingSpec:
    """The spec from its JSON."""
    return EmbeddingSpec(**json.loads(text))


def collection_key(connection: sqlite3.Connection, name: str) -> int:
    """Key of a collection by name.

    Raises:
        NotFoundError: the message names the nearest existing names.
    """
    row = connection.execute("SELECT key FROM collection WHERE name = ?", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    names = [str(found) for (found,) in connection.execute("SELECT name FROM collection ORDER BY name")]
    near = difflib.get_close_matches(name, names, 3, 0.5)
    listed = near or names[:5]
    known = ", ".join(f"'{one}'" for one in listed)
    hint = (f"Did you mean {known}?" if near else f"There are: {known}.") if listed else "There are none yet."
    raise NotFoundError(f"There is no collection '{name}'. {hint}")


def document_key(connection: sqlite3.Connection, document_id: str) -> int:
    """Key of a document by id.

    Raises:
        NotFoundError: no such id.
    """
    row = connection.execute("SELECT key FROM document WHERE id = ?", (document_id,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no document '{document_id}' in the library; it may have been deleted.")
    return int(row[0])


def document_id(connection: sqlite3.Connection, key: int) -> str:
    """Id of a document that is there."""
    return str(connection.execute("SELECT id FROM document WHERE key = ?", (key,)).fetchone()[0])


def has_document(connection: sqlite3.Connection, key: int) -> bool:
    """Whether a document with this key is (still) there."""
    return connection.execute("SELECT 1 FROM document WHERE key = ?", (key,)).fetchone() is not None


def document_keys(connection: sqlite3.Connection, document_ids: Iterable[str]) -> list[int]:
    """Keys of those of the documents that are there."""
    rows = connection.execute(
        "SELECT key FROM document WHERE id IN (SELECT value FROM json_each(?)) ORDER BY key", (array(document_ids),)
    )
    return [int(key) for (key,) in rows]


def announce(connection: sqlite3.Connection, operation: str, document_id: str) -> None:
    """Put a change in the outbox."""
    connection.execute("INSERT INTO outbox (operation, document) VALUES (?, ?)", (operation, document_id))


def require_name(name: str, what: str) -> None:
    """Refuse names that nobody could see or that cannot be stored.

    Args:
        what: what is to have the name, for the sentence: "collection", "saved search", "tag".

    Raises:
        UsageError: the name is empty, longer than 200 characters or holds control characters.
    """
    if not name.strip():
        raise UsageError(f"A {what} needs a name that is not empty.")
    if len(name) > NAME_LENGTH:
        raise UsageError(f"The name of a {what} may have {NAME_LENGTH} characters; this one has {len(name)}.")
    # Surrogates (Cs) cannot be stored as UTF-8.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise UsageError(f"The name of a {what} may not hold control characters or broken characters.")


def require_storable(text: str, what: str, longest: int) -> None:
    """Refuse a text that is too long or cannot be written as UTF-8.

    Args:
        what: the text's name at the beginning of a sentence: "The description", "A query".

    Raises:
        UsageError: it is.
    """
    if len(text) > longest:
        raise UsageError(f"{what} may have {longest:,} characters; this one has {len(text):,}.")
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise UsageError(f"{what} holds broken characters that cannot be stored. Type it again.")
