"""Why a document stays in a collection, and what happens when the last reason is gone.

A document belongs to a collection for one of three reasons: it is *pinned* there (uploaded without a path, or added by
hand), a *source* of the collection (a file in a folder) holds it, or a document of the collection *contains* it
(the mail of an attachment). A document that belongs to no collection any more is deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from cortex_engine.catalog import rows, set_aside
from cortex_engine.catalog.flights import forget_naming
from cortex_engine.catalog.graph_sums import forget_parts
from cortex_engine.core.failpoints import failpoint

# UNION (not UNION ALL) ends the walk even where documents contain each other.
_SUPPORTED = """
    WITH RECURSIVE up (document) AS (
        SELECT :document
        UNION
        SELECT parent.parent FROM up JOIN parent ON parent.child = up.document
        JOIN membership ON membership.collection = :collection AND membership.document = parent.parent
    )
    SELECT 1 FROM up WHERE
        EXISTS (SELECT 1 FROM membership m
                WHERE m.collection = :collection AND m.document = up.document AND m.pinned = 1)
        OR EXISTS (SELECT 1 FROM source s WHERE s.collection = :collection AND s.document = up.document)
    LIMIT 1
"""

_DESCENDANTS = """
    WITH RECURSIVE down (document) AS (
        SELECT value FROM json_each(?)
        UNION
        SELECT parent.child FROM down JOIN parent ON parent.parent = down.document
    )
    SELECT document FROM down
"""


def descendants(connection: sqlite3.Connection, keys: Iterable[int]) -> list[int]:
    """These documents and everything that they contain, however deep."""
    return [int(key) for (key,) in connection.execute(_DESCENDANTS, (rows.array(keys),))]


def supported(connection: sqlite3.Connection, collection: int, keys: Iterable[int]) -> set[int]:
    """Those of the documents that belong to the collection and have a reason to stay in it."""
    member = "SELECT 1 FROM membership WHERE collection = :collection AND document = :document"
    kept = set()
    for key in keys:
        values = {"document": key, "collection": collection}
        if connection.execute(member, values).fetchone() and connection.execute(_SUPPORTED, values).fetchone():
            kept.add(key)
    return kept


def release(connection: sqlite3.Connection, collection: int, keys: Sequence[int]) -> list[str]:
    """A reason of these documents is gone: let them and what they contain leave the collection if no reason is left.

    Returns:
        Ids of the documents that belonged to no other collection and were deleted.
    """
    concerned = descendants(connection, keys)
    kept = supported(connection, collection, concerned)
    leaving = [key for key in concerned if key not in kept]
    connection.executemany(
        "DELETE FROM membership WHERE collection = ? AND document = ?", [(collection, key) for key in leaving]
    )
    return delete_homeless(connection, leaving)


def delete_homeless(connection: sqlite3.Connection, keys: Sequence[int]) -> list[str]:
    """Delete those of the documents that belong to no collection, and return their ids."""
    found = connection.execute(
        "SELECT key FROM document WHERE key IN (SELECT value FROM json_each(?)) "
        "AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.document = document.key)",
        (rows.array(keys),),
    )
    return delete_rows(connection, [int(key) for (key,) in found])


def delete_with_contents(connection: sqlite3.Connection, keys: Sequence[int]) -> list[str]:
    """Delete documents and what only they contained; returns the ids that went."""
    contained = sorted(set(descendants(connection, keys)) - set(keys))
    gone = delete_rows(connection, keys)
    memberships = connection.execute(
        "SELECT collection, document FROM membership WHERE document IN (SELECT value FROM json_each(?))",
        (rows.array(contained),),
    ).fetchall()
    by_collection: dict[int, list[int]] = {}
    for collection, document in memberships:
        by_collection.setdefault(int(collection), []).append(int(document))
    for collection, documents in by_collection.items():
        gone += release(connection, collection, documents)
    return gone


def delete_rows(connection: sqlite3.Connection, keys: Sequence[int]) -> list[str]:
    """Delete every row of these documents; one "delete" in the outbox for each."""
    failpoint("delete.begin")
    found = connection.execute(
        "SELECT id, sha256 FROM document WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key",
        (rows.array(keys),),
    ).fetchall()
    ids = [str(document_id) for document_id, _ in found]
    gone = rows.array(ids)
    forget_parts(connection, keys)
    forget_naming(connection, keys)
    connection.execute("DELETE FROM document WHERE id IN (SELECT value FROM json_each(?))", (gone,))
    # A job keeps its count of files, but nothing that tells which file it was; files that still wait are left alone.
    connection.execute(
        "UPDATE job_file SET document = '', sha256 = '', path = '', name = '(deleted)', message = '' WHERE sha256 IN "
        "(SELECT value FROM json_each(?)) AND state NOT IN ('queued', 'parsing', 'embedding', 'indexing')",
        (rows.array(sha256 for _, sha256 in found),),
    )
    set_aside.forget(connection, ids)
    connection.execute("DELETE FROM outbox WHERE document IN (SELECT value FROM json_each(?))", (gone,))
    for document_id in ids:
        rows.announce(connection, "delete", document_id)
    failpoint("delete.before")
    return ids
