"""What the doctor, backup and the ledger need."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from cortex_engine.catalog import graph_sums, rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.catalog.pictures_reading import count_pictures
from cortex_engine.catalog.schema import backup
from cortex_engine.catalog.vectors import recount_vectors, sound
from cortex_engine.core.catalog import BlobStore
from cortex_engine.core.documents import PageState
from cortex_engine.core.errors import AlreadyExistsError, StorageFullError, UsageError
from cortex_engine.core.records import CatalogCounts
from cortex_engine.core.reports import Finding, LedgerEntry, Severity

_SAFE_SQLITE = (3, 51, 3)
"""From here on the write-ahead log's reset cannot corrupt the file."""

_SAMPLE = 20_000
"""Vectors whose checksums a quick check reads, at most so many of passages and so many of pictures."""

_STORED = (
    "SELECT v.key, d.id, d.name, v.data, v.crc32, s.dimension FROM vector v JOIN embedding_spec s ON s.key = v.model "
    "JOIN chunk c ON c.key = v.chunk JOIN document d ON d.key = c.document WHERE v.key % ? = 0",
    "SELECT v.key, d.id, d.name, v.data, v.crc32, s.dimension FROM picture_vector v JOIN embedding_spec s ON s.key = v.model "
    "JOIN picture p ON p.key = v.picture JOIN document d ON d.key = p.document WHERE v.key % ? = 0",
)
"""Vectors as they lie in their two tables, every so manieth."""

_RESTORE = "Restore the library from a backup ('cortex restore')."

_COUNTS = (
    (
        "documents whose number of pages is wrong",
        "SELECT count(*) FROM document d WHERE page_count != (SELECT count(*) FROM page p WHERE p.document = d.key)",
    ),
    (
        "documents whose number of passages is wrong",
        "SELECT count(*) FROM document d WHERE chunk_count != (SELECT count(*) FROM chunk c WHERE c.document = d.key)",
    ),
    (
        "documents that belong to no collection",
        "SELECT count(*) FROM document d WHERE NOT EXISTS (SELECT 1 FROM membership m WHERE m.document = d.key)",
    ),
    (
        "documents in a collection that nothing keeps there",
        "SELECT count(*) FROM membership m WHERE pinned = 0 "
        "AND NOT EXISTS (SELECT 1 FROM source s WHERE s.collection = m.collection AND s.document = m.document) "
        "AND NOT EXISTS (SELECT 1 FROM parent p JOIN membership n ON n.document = p.parent "
        "AND n.collection = m.collection WHERE p.child = m.document)",
    ),
    (
        "sources in a collection that their document does not belong to",
        "SELECT count(*) FROM source s WHERE NOT EXISTS "
        "(SELECT 1 FROM membership m WHERE m.collection = s.collection AND m.document = s.document)",
    ),
    (
        "documents whose number of vectors is wrong",
        "SELECT count(*) FROM (SELECT d.document, d.model, d.vectors FROM document_model d EXCEPT "
        "SELECT c.document, v.model, count(*) FROM vector v JOIN chunk c ON c.key = v.chunk "
        "GROUP BY c.document, v.model)",
    ),
    (
        "pictures of pages that their document does not have",
        "SELECT count(*) FROM picture p JOIN document d ON d.key = p.document WHERE p.page NOT BETWEEN 1 AND d.page_count",
    ),
    (
        "vectors of descriptions that are empty",
        "SELECT count(*) FROM picture_vector v JOIN picture p ON p.key = v.picture "
        "WHERE v.name = 'description' AND p.description = ''",
    ),
)

_LEDGER = """
    SELECT d.key, d.id, d.name, d.characters, d.characters_embedded, d.chunk_count, d.seconds,
        coalesce((SELECT min(coalesce(e.vectors, 0)) FROM membership m JOIN collection c ON c.key = m.collection
            LEFT JOIN document_model e ON e.document = d.key AND e.model = c.model WHERE m.document = d.key), 0)
    FROM document d
"""


class CatalogUpkeep(CatalogPart):
    """The port `Upkeep`."""

    _blobs: BlobStore | None

    def ledger(self, document_ids: Sequence[str] | None = None) -> list[LedgerEntry]:
        """The account of each document, by entry; `lexical` repeats `chunks` and is set by who knows the index.

        `vectors` is the smallest number over the models of the collections that the document belongs to.
        """
        condition, values = "", ()  # type: tuple[str, tuple[str, ...]]
        if document_ids is not None:
            condition, values = "WHERE d.id IN (SELECT value FROM json_each(?))", (rows.array(document_ids),)
        with self._database.read() as connection:
            found = connection.execute(f"{_LEDGER} {condition} ORDER BY d.key", values).fetchall()
            keys = rows.array(row[0] for row in found)
            pages, failures = _page_states(connection, keys)
            pictures = count_pictures(connection, keys)
        return [
            LedgerEntry(
                document_id=document_id,
                document=name,
                pages=pages.get(key, {}),
                failures=tuple(failures.get(key, ())),
                characters=characters,
                characters_embedded=embedded,
                chunks=chunks,
                vectors=vectors,
                lexical=chunks,
                seconds=seconds,
                pictures=pictures.get(key, (0, 0))[0],
                pictures_embedded=pictures.get(key, (0, 0))[1],
            )
            for key, document_id, name, characters, embedded, chunks, seconds, vectors in found
        ]

    def counts(self) -> CatalogCounts:
        """Sizes."""
        with self._database.read() as connection:
            documents, chunks = connection.execute("SELECT count(*), sum(chunk_count) FROM document").fetchone()
            vectors = connection.execute(
                "SELECT s.id, coalesce(sum(e.vectors), 0) FROM embedding_spec s "
                "LEFT JOIN document_model e ON e.model = s.key GROUP BY s.id"
            ).fetchall()
            waiting = connection.execute("SELECT count(*) FROM outbox").fetchone()[0]
            pictures = connection.execute("SELECT count(*) FROM picture").fetchone()[0]
            return CatalogCounts(documents, chunks or 0, dict(vectors), waiting, pictures)

    def chunk_ids(self, model_id: str = "") -> set[str]:
        """All chunk ids, or those that have a vector of the model."""
        query = "SELECT id FROM chunk"
        if model_id:
            query = (
                "SELECT c.id FROM vector v JOIN chunk c ON c.key = v.chunk "
                "WHERE v.model = (SELECT key FROM embedding_spec WHERE id = ?)"
            )
        with self._database.read() as connection:
            return {str(chunk_id) for (chunk_id,) in connection.execute(query, (model_id,) if model_id else ())}

    def blob_hashes(self) -> set[str]:
        """Originals that documents or waiting files refer to (files that failed may be retried: they wait too)."""
        with self._database.read() as connection:
            return _blob_hashes(connection)

    def drop_blobs(self, hashes: Sequence[str] | None = None) -> list[str]:
        """Remove originals (of these, or of all) that nothing refers to; returns those that went.

        It happens inside a write transaction, and `enqueue` and `commit` look for the original inside theirs: content
        that is queued again at the same moment is either kept, or its `enqueue` says that it must be put again.

        Raises:
            UsageError: the catalog was opened without a blob store.
        """
        if self._blobs is None:
            raise UsageError("This catalog was opened without its originals; open the library to remove them.")
        with self._database.write() as connection:
            wanted = _blob_hashes(connection)
            gone = [sha256 for sha256 in (self._blobs.all() if hashes is None else hashes) if sha256 not in wanted]
            for sha256 in gone:
                self._blobs.delete(sha256)
        return gone

    def drop_damaged_vectors(self) -> list[str]:
        """Remove every damaged vector, of passages and of pictures, so that it is made anew; returns the documents' ids.

        The documents are put in the outbox: no index goes on holding what the catalog does not vouch for.
        """
        with self._database.write() as connection:
            passages, pictures = (
                [(row[0], row[1]) for row in connection.execute(query, (1,)) if not sound(*row[3:])]
                for query in _STORED
            )
            for table, damaged in (("vector", passages), ("picture_vector", pictures)):
                connection.executemany(f"DELETE FROM {table} WHERE key = ?", [(key,) for key, _ in damaged])
            recount_vectors(connection, rows.document_keys(connection, {document for _, document in passages}))
            documents = sorted({document for _, document in (*passages, *pictures)})
            for document_id in documents:
                rows.announce(connection, "upsert", document_id)
        return documents

    def check(self, full: bool = False) -> list[Finding]:
        """Integrity of the database file, foreign keys, counts that must agree, checksums of vectors (all if full)."""
        findings = [_sqlite_version()]
        with self._database.plain() as connection:
            try:
                findings += [_integrity(connection, full), _foreign_keys(connection)]
                findings += _agreement(connection)
                findings += graph_sums.disagreement(connection)
                findings.append(_checksums(connection, full))
            except sqlite3.DatabaseError as error:
                findings.append(Finding("catalog-integrity", Severity.ERROR, f"It cannot be read: {error}.", _RESTORE))
        return findings

    def backup_to(self, target: Path) -> None:
        """Write a consistent copy of the database (`VACUUM INTO`), durable when this returns.

        Raises:
            AlreadyExistsError: the target is there already.
            StorageFullError: the target's disk has too little room; nothing is left behind.
        """
        if target.exists():
            raise AlreadyExistsError(f"'{target}' is there already; choose another name for the backup.")
        size = self._database.path.stat().st_size
        free = shutil.disk_usage(target.parent).free
        if free < size:
            raise StorageFullError(f"The backup needs up to {size:,} bytes, but '{target.parent}' has {free:,} left.")
        with self._database.plain() as connection:
            backup(connection, target)

    def become_owner(self, owner: bool = True) -> None:
        """This process has taken the lock of the library (or given it back): the owner moves the write-ahead log."""
        self._database.become_owner(owner)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database file. Only the owner of the library does so."""
        with self._database.plain() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def warnings(self, document_id: str) -> tuple[str, ...]:
        """What the parser had to say about a document.

        Raises:
            NotFoundError: no such id.
        """
        with self._database.read() as connection:
            key = rows.document_key(connection, document_id)
            text = connection.execute("SELECT warnings FROM document WHERE key = ?", (key,)).fetchone()[0]
            return tuple(json.loads(text))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()


def _blob_hashes(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute(
        "SELECT sha256 FROM document UNION SELECT sha256 FROM job_file "
        "WHERE sha256 != '' AND state NOT IN ('done', 'already_here')"
    )
    return {str(sha256) for (sha256,) in found}


def _page_states(connection: sqlite3.Connection, keys: str) -> tuple[dict[int, dict[str, int]], dict[int, list[str]]]:
    counts: dict[int, dict[str, int]] = {}
    for key, state, count in connection.execute(
        "SELECT document, state, count(*) FROM page WHERE document IN (SELECT value FROM json_each(?)) "
        "GROUP BY document, state",
        (keys,),
    ):
        counts.setdefault(key, {})[state] = count
    failures: dict[int, list[str]] = {}
    for key, number, reason in connection.execute(
        "SELECT document, number, reason FROM page WHERE document IN (SELECT value FROM json_each(?)) "
        f"AND state = '{PageState.FAILED.value}' ORDER BY document, number",
        (keys,),
    ):
        failures.setdefault(key, []).append(f"page {number}: {reason}")
    return counts, failures


def _sqlite_version() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= _SAFE_SQLITE:
        return Finding("sqlite-version", Severity.OK, f"SQLite {version}.")
    return Finding(
        "sqlite-version",
        Severity.WARNING,
        f"Python's SQLite is {version}; before 3.51.3 a rare race of two processes can damage a database in WAL mode. "
        "Only the owner of the library resets the log here, which makes it rarer still.",
        "Use a Python that brings SQLite 3.51.3 or newer, and keep backups.",
    )


def _integrity(connection: sqlite3.Connection, full: bool) -> Finding:
    pragma = "integrity_check" if full else "quick_check"
    lines = [str(line) for (line,) in connection.execute(f"PRAGMA {pragma}(20)")]
    if lines == ["ok"]:
        return Finding("catalog-integrity", Severity.OK, "The database file is sound.")
    return Finding("catalog-integrity", Severity.ERROR, f"The database is damaged: {'; '.join(lines)}", _RESTORE)


def _foreign_keys(connection: sqlite3.Connection) -> Finding:
    tables = sorted({str(row[0]) for row in connection.execute("PRAGMA foreign_key_check")})
    if not tables:
        return Finding("catalog-foreign-keys", Severity.OK, "Every row refers to rows that are there.")
    message = f"Rows of {', '.join(tables)} refer to rows that are gone."
    return Finding("catalog-foreign-keys", Severity.ERROR, message, _RESTORE)


def _agreement(connection: sqlite3.Connection) -> list[Finding]:
    findings = []
    for what, query in _COUNTS:
        count = connection.execute(query).fetchone()[0]
        if count:
            findings.append(Finding("catalog-counts", Severity.ERROR, f"There are {count} {what}.", _RESTORE))
    return findings or [Finding("catalog-counts", Severity.OK, "All counts agree.")]


def _checksums(connection: sqlite3.Connection, full: bool) -> Finding:
    checked, damaged = 0, {}
    for table, query in zip(("vector", "picture_vector"), _STORED, strict=True):
        # A stride over the keys looks everywhere in the file without sorting it at random.
        top = connection.execute(f"SELECT coalesce(max(key), 0) FROM {table}").fetchone()[0]
        for _, document_id, name, data, crc32, dimension in connection.execute(
            query, (1 if full else max(1, top // _SAMPLE),)
        ):
            checked += 1
            if not sound(data, crc32, dimension):
                damaged[str(document_id)] = str(name)
    if not damaged:
        return Finding("catalog-vectors", Severity.OK, f"The checksums of {checked} vectors match.")
    listed = ", ".join(f"'{name}' ({document_id[:8]})" for document_id, name in sorted(damaged.items())[:5])
    return Finding(
        "catalog-vectors",
        Severity.ERROR,
        f"Vectors of {len(damaged)} documents are damaged: {listed}{' …' if len(damaged) > 5 else ''}. They are left out of "
        "the searches by meaning; words find these documents.",
        "`cortex doctor --fix` removes the damaged vectors and embeds what they stood for again.",
        fixable=True,
    )
