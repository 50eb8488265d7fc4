"""Connections to the catalog's database: one per thread, short transactions, errors as sentences."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cortex_engine.catalog.schema import MIGRATIONS, Migration, create, migrate, schema_version
from cortex_engine.core.errors import CatalogError, CortexError, LibraryLockedError, StorageFullError

BUSY_SECONDS = 30.0
"""How long a write waits for another process's write."""

_CHECKPOINT_PAGES = 1000
"""Pages in the write-ahead log after which the owner moves them into the file."""

_FULL_BYTES = 100_000
"""With less than this SQLite cannot even open a catalog for reading."""

_RESTORE = "Restore the library from a backup ('cortex restore'); the damaged file is left as it is."


def explain(error: sqlite3.Error, path: Path) -> CortexError | None:
    """The sentence for an error of the storage, or None for a defect of the program (which keeps its traceback)."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    # Where its shared memory finds no room, SQLite speaks of an input/output error.
    unreadable = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and path.parent.is_dir()
    if code == sqlite3.SQLITE_FULL or (unreadable and shutil.disk_usage(path.parent).free < _FULL_BYTES):
        return StorageFullError(
            f"The disk that holds the catalog '{path}' is full; nothing was written. Free some room."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CatalogError(f"The catalog '{path}' is damaged ({error}). {_RESTORE}")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryLockedError(
            f"Another process has been writing to the catalog '{path}' for more than {BUSY_SECONDS:.0f} seconds. "
            "Try again when it is done; 'cortex doctor' shows which process it is."
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return CatalogError(
            f"The catalog '{path}' cannot be read or written ({error}). Check the disk and the rights of the folder."
        )
    return None


class Database:
    """The file `path`, opened once for each thread.

    Args:
        owner: this process owns the library and moves the write-ahead log into the file; others leave that to it.
        migrations: what leads from any older version to the newest.
    """

    def __init__(
        self,
        path: Path,
        *,
        owner: bool = False,
        busy_seconds: float = BUSY_SECONDS,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        self.path = path
        self._owner = owner
        self._busy_seconds = busy_seconds
        self._migrations = migrations
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._ready = False
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: everything inside sees one state."""
        with self._explained():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction, committed when the block ends and undone when it raises."""
        with self._explained():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def plain(self) -> Iterator[sqlite3.Connection]:
        """The connection outside of a transaction (for `VACUUM INTO`, integrity checks, checkpoints)."""
        with self._explained():
            yield self._connection()

    def become_owner(self, owner: bool = True) -> None:
        """From now on this process moves the write-ahead log into the file, or no longer does."""
        self._owner = owner

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            self._closed = True
            opened, self._open = self._open, []
        for _, connection in opened:
            connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            sentence = explain(error, self.path)
            if sentence is None:
                raise
            raise sentence from error

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise CatalogError(f"The catalog '{self.path}' has been closed; open the library again.")
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
            self._local.owner = False
        if self._owner != self._local.owner:
            self._local.owner = self._owner
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES if self._owner else 0}")
        return connection

    def _connect(self) -> sqlite3.Connection:
        with self._lock:
            if not self._ready:
                self._require_file()
            # Only close() and this sweep touch another thread's connection, and only when that thread is gone.
            connection = sqlite3.connect(
                self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                if not self._ready:
                    schema_version(connection)  # before anything is changed in a database that is not ours
                self._configure(connection)
                if not self._ready:
                    migrate(connection, self.path, self._migrations)
                    self._ready = True
            except BaseException:
                connection.close()
                raise
            for thread, idle in self._open:
                if not thread.is_alive():
                    idle.close()
            self._open = [(thread, kept) for thread, kept in self._open if thread.is_alive()]
            self._open.append((threading.current_thread(), connection))
            return connection

    def _require_file(self) -> None:
        path = self.path
        if not path.exists():
            if path.with_name(f"{path.name}-wal").exists():
                raise CatalogError(f"The catalog '{path}' is missing, but its write-ahead log is there. {_RESTORE}")
            path.parent.mkdir(parents=True, exist_ok=True)
            create(path, self._migrations)
        if path.stat().st_size == 0:
            raise CatalogError(f"The catalog '{path}' is damaged (the file is empty). {_RESTORE}")

    def _configure(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA wal_autocheckpoint = 0")


class CatalogPart:
    """What every part of the catalog stands on."""

    _database: Database
