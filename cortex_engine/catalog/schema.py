"""The tables of the catalog, and how an older catalog becomes a newer one (forward only)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cortex_engine.catalog import calibration_tables, conversation_tables, flight_tables, graph_tables
from cortex_engine.core.errors import CatalogError
from cortex_engine.core.failpoints import failpoint

PAGE_SIZE = 8192
"""Bytes of a database page: five vectors of 384 dimensions fit in one."""

# Integer keys never come again (AUTOINCREMENT), so that reading in batches by key can neither skip nor repeat rows.
_TABLES = (
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied TEXT NOT NULL)",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE embedding_spec (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL, json TEXT NOT NULL)""",
    """CREATE TABLE collection (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
        description TEXT NOT NULL, created TEXT NOT NULL, model INTEGER NOT NULL REFERENCES embedding_spec (key))""",
    """CREATE TABLE document (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL, bytes INTEGER NOT NULL, media_type TEXT NOT NULL, title TEXT NOT NULL,
        author TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL, language TEXT NOT NULL,
        extra TEXT NOT NULL, warnings TEXT NOT NULL, page_count INTEGER NOT NULL, chunk_count INTEGER NOT NULL,
        pipeline TEXT NOT NULL, added TEXT NOT NULL, characters INTEGER NOT NULL,
        characters_embedded INTEGER NOT NULL, seconds REAL NOT NULL,
        date TEXT NOT NULL, words TEXT NOT NULL)""",
    "CREATE INDEX document_name ON document (name)",
    """CREATE TABLE page (
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, number INTEGER NOT NULL,
        text TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, label TEXT NOT NULL, width REAL NOT NULL,
        height REAL NOT NULL, confidence REAL, boxes BLOB, UNIQUE (document, number))""",
    """CREATE TABLE chunk (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, ordinal INTEGER NOT NULL,
        char_start INTEGER NOT NULL, char_end INTEGER NOT NULL, page INTEGER NOT NULL, page_end INTEGER NOT NULL,
        tokens INTEGER NOT NULL, text_hash TEXT NOT NULL, context TEXT NOT NULL, text TEXT NOT NULL,
        UNIQUE (document, ordinal))""",
    "CREATE INDEX chunk_text_hash ON chunk (text_hash)",
    """CREATE TABLE vector (
        key INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES embedding_spec (key),
        chunk INTEGER NOT NULL REFERENCES chunk (key) ON DELETE CASCADE, crc32 INTEGER NOT NULL,
        data BLOB NOT NULL, UNIQUE (chunk, model))""",
    "CREATE INDEX vector_model ON vector (model, chunk)",
    """CREATE TABLE document_model (
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE,
        model INTEGER NOT NULL REFERENCES embedding_spec (key), vectors INTEGER NOT NULL,
        PRIMARY KEY (document, model)) WITHOUT ROWID""",
    "CREATE INDEX document_model_model ON document_model (model)",
    """CREATE TABLE membership (
        collection INTEGER NOT NULL REFERENCES collection (key) ON DELETE CASCADE,
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, pinned INTEGER NOT NULL,
        PRIMARY KEY (collection, document)) WITHOUT ROWID""",
    "CREATE INDEX membership_document ON membership (document)",
    """CREATE TABLE source (
        collection INTEGER NOT NULL REFERENCES collection (key) ON DELETE CASCADE, path TEXT NOT NULL,
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, mtime_ns INTEGER NOT NULL,
        bytes INTEGER NOT NULL, PRIMARY KEY (collection, path)) WITHOUT ROWID""",
    "CREATE INDEX source_document ON source (document)",
    "CREATE INDEX source_path ON source (path)",
    """CREATE TABLE parent (
        child INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE,
        parent INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE,
        PRIMARY KEY (child, parent)) WITHOUT ROWID""",
    "CREATE INDEX parent_parent ON parent (parent)",
    """CREATE TABLE tag (
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, name TEXT NOT NULL,
        PRIMARY KEY (document, name)) WITHOUT ROWID""",
    "CREATE INDEX tag_name ON tag (name)",
    """CREATE TABLE job (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
        collection TEXT NOT NULL, state TEXT NOT NULL, created TEXT NOT NULL, owner TEXT NOT NULL,
        message TEXT NOT NULL)""",
    """CREATE TABLE job_file (
        key INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES job (key) ON DELETE CASCADE,
        path TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '', document TEXT NOT NULL DEFAULT '', pages INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0, lease_owner TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0)""",
    "CREATE UNIQUE INDEX job_file_once ON job_file (job, path, name, sha256) WHERE sha256 != ''",
    "CREATE INDEX job_file_state ON job_file (state, key)",
    "CREATE INDEX job_file_sha256 ON job_file (sha256)",
    "CREATE INDEX job_file_document ON job_file (document)",
    """CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, document TEXT NOT NULL)""",
    """CREATE TABLE index_state (
        name TEXT PRIMARY KEY, generation INTEGER NOT NULL, applied_seq INTEGER NOT NULL, dirty INTEGER NOT NULL,
        config_hash TEXT NOT NULL) WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step forward.

    Attributes:
        version: the schema version that it leads to.
        apply: changes the tables inside the transaction it is given; never `executescript` (that commits).
    """

    version: int
    description: str
    apply: Callable[[sqlite3.Connection], None]


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:
        connection.execute(statement)


_TABLES_OF_THE_APPLICATION = (
    "ALTER TABLE job ADD COLUMN options TEXT NOT NULL DEFAULT '{}'",
    """CREATE TABLE document_edit (
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, field TEXT NOT NULL,
        original TEXT NOT NULL, edited TEXT NOT NULL, PRIMARY KEY (document, field)) WITHOUT ROWID""",
    """CREATE TABLE search_history (
        key INTEGER PRIMARY KEY AUTOINCREMENT, query TEXT NOT NULL UNIQUE, hits INTEGER NOT NULL, asked TEXT NOT NULL)""",
    "CREATE INDEX search_history_asked ON search_history (asked)",
    """CREATE TABLE saved_search (
        key INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, query TEXT NOT NULL, created TEXT NOT NULL)""",
    # No reference to chunk: what a person judged outlives a document that is replaced or deleted.
    """CREATE TABLE judgement (
        key INTEGER PRIMARY KEY AUTOINCREMENT, query TEXT NOT NULL, chunk TEXT NOT NULL, document TEXT NOT NULL,
        name TEXT NOT NULL, value INTEGER NOT NULL, created TEXT NOT NULL, UNIQUE (query, chunk))""",
    """CREATE TABLE api_key (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, secret_sha256 TEXT NOT NULL,
        scopes TEXT NOT NULL, created TEXT NOT NULL, last_used TEXT NOT NULL DEFAULT '',
        revoked TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX document_added ON document (added)",
    "CREATE INDEX job_file_job ON job_file (job, state)",
)


def _add_tables_of_the_application(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_OF_THE_APPLICATION:
        connection.execute(statement)


_TABLES_OF_PICTURES_AND_MODELS = (
    """CREATE TABLE picture (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, page INTEGER NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, description TEXT NOT NULL DEFAULT '',
        described_by TEXT NOT NULL DEFAULT '', UNIQUE (document, page))""",
    """CREATE TABLE picture_vector (
        key INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES embedding_spec (key),
        picture INTEGER NOT NULL REFERENCES picture (key) ON DELETE CASCADE, name TEXT NOT NULL,
        crc32 INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (picture, model, name))""",
    "CREATE INDEX picture_vector_model ON picture_vector (model, name, picture)",
    # Documents whose pages were drawn, or are not to be: without it, one that has nothing to draw would wait for ever.
    "CREATE TABLE drawn (document INTEGER PRIMARY KEY REFERENCES document (key) ON DELETE CASCADE)",
    """CREATE TABLE probe_set (
        model INTEGER PRIMARY KEY REFERENCES embedding_spec (key), version INTEGER NOT NULL, dimension INTEGER NOT NULL,
        crc32 INTEGER NOT NULL, data BLOB NOT NULL, precision TEXT NOT NULL, made TEXT NOT NULL)""",
    """CREATE TABLE migration (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        collection INTEGER NOT NULL REFERENCES collection (key) ON DELETE CASCADE,
        source INTEGER NOT NULL REFERENCES embedding_spec (key), target INTEGER NOT NULL REFERENCES embedding_spec (key),
        state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '', report TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL, updated TEXT NOT NULL)""",
    "CREATE INDEX migration_collection ON migration (collection, state)",
)


def _add_tables_of_pictures_and_models(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_OF_PICTURES_AND_MODELS:
        connection.execute(statement)


def _add_tables_of_knowledge(connection: sqlite3.Connection) -> None:
    for part in (graph_tables, flight_tables, calibration_tables, conversation_tables):
        for statement in part.TABLES:
            connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "the first tables", _create_tables),
    Migration(2, "options of jobs, edited metadata, what people keep, keys", _add_tables_of_the_application),
    Migration(
        3, "pictures with named vectors, probes of models, moves to another model", _add_tables_of_pictures_and_models
    ),
    Migration(4, "the knowledge graph, recorded searches, calibrated scores, conversations", _add_tables_of_knowledge),
)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of an open catalog.

    Raises:
        CatalogError: the database is no catalog.
    """
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").fetchone() is None:
        raise CatalogError("The catalog file is a database, but not one of Cortex Suite. Restore it from a backup.")
    return int(connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0])


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    migration.apply(connection)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute("INSERT INTO schema_version VALUES (?, ?)", (migration.version, now))


def create(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Make a new catalog at `path`; another process that does the same at the same time may win.

    The file is made complete beside and then linked to its name, so that an empty file under that name is
    always damage and never a beginning.
    """
    fresh = path.with_name(f"{path.name}.new-{os.getpid()}-{os.urandom(4).hex()}")
    fresh.touch(mode=0o600)
    try:
        connection = sqlite3.connect(fresh, isolation_level=None)
        try:
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            for migration in migrations:
                _apply(connection, migration)
            connection.execute("COMMIT")
        finally:
            connection.close()
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return
        sync_folder(path.parent)
    finally:
        fresh.unlink()


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring an open catalog to the newest version, each step in one transaction, after a copy beside it.

    Raises:
        CatalogError: the catalog was made by a newer version of this program.
    """
    newest = migrations[-1].version
    current = schema_version(connection)
    if current > newest:
        raise CatalogError(
            f"The catalog '{path}' was made by a newer version of Cortex Suite (its tables have version {current}, "
            f"this program knows {newest}). Update the program, or restore a backup of the older version."
        )
    if current == newest:
        return
    backup(connection, path.with_name(f"{path.name}.version-{current}.backup"))
    for migration in migrations:
        if migration.version > current:
            _migrate_one(connection, migration)


def _migrate_one(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster: only inside the transaction the version is sure.
        if schema_version(connection) < migration.version:
            _apply(connection, migration)
            failpoint("migration.before")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    failpoint("migration.after")


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """Write a consistent, durable copy of the database; an older file of the same name is replaced when it is whole."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        connection.execute("VACUUM INTO ?", (str(part),))
        part.chmod(0o600)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (where the system can: not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
