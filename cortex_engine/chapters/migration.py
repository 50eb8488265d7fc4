"""Moving a collection to another embedding model while it is in use."""

from __future__ import annotations

import threading
from dataclasses import replace

from cortex_engine import migrating, planning
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.migration import Migration
from cortex_engine.core.planning import ModelPlan


def unwatched(migration: Migration) -> None:
    """Nobody watches."""


class MigrationChapter(Chapter):
    """Moving a collection to another embedding model while it is in use."""

    def plan_migration(self, collection: str, target: str) -> ModelPlan:
        """What moving a collection to another model entails: see `plan_model`; and how many passages it cannot read whole.

        Raises:
            NotFoundError: no such collection.
            UsageError, ConfigError: the target names no model.
        """
        plan = planning.plan_model(self._library, target, self._library.catalog.collection(collection).name)
        note = migrating.long_note(self._library, collection, target)
        return replace(plan, notes=(*plan.notes, note)) if note else plan

    def start_migration(self, collection: str, target: str) -> Migration:
        """Begin to make vectors of another model for a collection; searches go on with the present one until you switch.

        The background does the work where it runs; elsewhere `run_migration` does.

        Args:
            target: as in `ModelChoice.target`: "packaged", "qwen3_vl:FOLDER-OR-HUB-NAME@1024", …

        Raises:
            NotFoundError: no such collection.
            AlreadyExistsError: the collection has a move that has not ended, or uses the target already.
            ConfigError, ModelUnavailableError: there is no such model here; the message says what to do.
        """
        migration = migrating.start(self._library, collection, target)
        self._wake()
        return migration

    def migrations(self, open_only: bool = False) -> list[Migration]:
        """All moves, newest first, with what this process knows of their pace; `open_only`: those that have not ended."""
        return migrating.listed(self._library, open_only)

    def migration(self, migration_id: str) -> Migration:
        """One by id or its unique beginning.

        Raises:
            NotFoundError: there is none.
        """
        return migrating.one(self._library, migration_id)

    def pause_migration(self, migration_id: str) -> Migration:
        """Stop after the portion in work; nothing that was made is lost.

        Raises:
            NotFoundError: there is none.
            UsageError: it is not running.
        """
        return migrating.pause(self._library, migration_id)

    def resume_migration(self, migration_id: str) -> Migration:
        """Go on where it stopped; raises as `pause_migration`."""
        migration = migrating.resume(self._library, migration_id)
        self._wake()
        return migration

    def cancel_migration(self, migration_id: str) -> Migration:
        """Give a move up before it is switched, and remove what it made; raises as `pause_migration`."""
        return migrating.cancel(self._library, migration_id)

    def switch_migration(self, migration_id: str) -> Migration:
        """Let searches use the new model from now on, at once and wholly. The old vectors are kept and kept up to date.

        What was added a moment ago is embedded first, so that nothing is missing.

        Raises:
            NotFoundError: there is none.
            UsageError: it is not ready; nothing was changed.
            ModelUnavailableError: something was added, and the model cannot be loaded; nothing was changed.
        """
        return migrating.switch(self._library, migration_id)

    def rollback_migration(self, migration_id: str) -> Migration:
        """Let searches use the former model again, with the same results as before; raises as `switch_migration`."""
        return migrating.rollback(self._library, migration_id)

    def purge_migration(self, migration_id: str) -> Migration:
        """Remove the vectors of the model that is not used any more; there is no way back afterwards.

        Raises:
            NotFoundError: there is none.
            UsageError: it was neither switched nor rolled back.
        """
        return migrating.purge(self._library, migration_id)

    def run_migration(
        self,
        migration_id: str,
        on_migration: migrating.OnMigration = unwatched,
        stop: threading.Event | None = None,
    ) -> Migration:
        """Work on a move in this process, or follow the process that does, until it is ready, paused or ended.

        Args:
            on_migration: told how it stands after each portion.
            stop: when set, it stays as it is after the portion in work.

        Raises:
            LibraryLockedError: another process owns the library and does not go on with it.
        """
        return migrating.run(self._library, migration_id, on_migration, stop)

    def _wake(self) -> None:
        if self._background is not None:
            self._background.wake()
