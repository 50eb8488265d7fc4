"""How the derived indexes follow the truth."""

from __future__ import annotations

from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.reports import IndexState, OutboxEntry


class OutboxRecords(CatalogPart):
    """The port `Outbox`."""

    def last_seq(self) -> int:
        """Number of the newest change, 0 for none."""
        with self._database.read() as connection:
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
            return 0 if row is None else int(row[0])

    def outbox(self, after: int, limit: int = 1000) -> list[OutboxEntry]:
        """Changes in order."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT seq, operation, document FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            )
            return [OutboxEntry(*row) for row in found]

    def index_states(self) -> dict[str, IndexState]:
        """All derived indexes that the catalog knows."""
        with self._database.read() as connection:
            found = connection.execute("SELECT name, generation, applied_seq, dirty, config_hash FROM index_state")
            return {row[0]: IndexState(row[0], row[1], row[2], bool(row[3]), row[4]) for row in found}

    def begin_index_write(self, name: str) -> None:
        """Mark dirty, durable, before the first byte of the index changes. A new name begins as generation 0."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO index_state VALUES (?, 0, 0, 1, '') ON CONFLICT DO UPDATE SET dirty = 1", (name,)
            )
        failpoint("index.begin")

    def end_index_write(self, name: str, applied_seq: int) -> None:
        """The index holds everything up to `applied_seq` and is flushed: clean again.

        Raises:
            NotFoundError: the write was never begun.
        """
        failpoint("index.end")
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE index_state SET dirty = 0, applied_seq = ? WHERE name = ?", (applied_seq, name)
            )
            if changed.rowcount == 0:
                raise NotFoundError(f"The catalog knows no index '{name}'; it has to be built first.")

    def swap_generation(self, name: str, generation: int, applied_seq: int, config_hash: str = "") -> None:
        """A new generation is complete on disk: from now on it is the valid one, and clean."""
        failpoint("swap.before")
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO index_state VALUES (?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET dirty = 0, "
                "generation = excluded.generation, applied_seq = excluded.applied_seq, "
                "config_hash = excluded.config_hash",
                (name, generation, applied_seq, config_hash),
            )
        failpoint("swap.after")

    def forget_index(self, name: str) -> None:
        """The index exists no more."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM index_state WHERE name = ?", (name,))

    def trim_outbox(self) -> None:
        """Drop entries that every known index holds; nothing while no index is known."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM outbox WHERE seq <= (SELECT min(applied_seq) FROM index_state)")
