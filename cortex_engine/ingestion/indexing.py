"""Keep the derived indexes in step with the catalog: outbox, dirty flag, generations.

The reasons stand in `docs/explanation/truth-and-derivation.md`.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.errors import IndexUnavailableError, NotFoundError
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.reports import IndexState, OutboxEntry
from cortex_engine.ingestion.derived import DerivedIndex

_log = logging.getLogger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Repair:
    """An index that was built anew, and why."""

    index: str
    reason: str


class IndexSync:
    """Opens, follows and rebuilds derived indexes; only the owner of the library may do so.

    Args:
        catalog: the truth.
        folder: `derived/`; a generation lies at `<name>-<generation>`.
        make: name -> a fresh `DerivedIndex` that is not open yet.
    """

    def __init__(self, catalog: Catalog, folder: Path, make: Callable[[str], DerivedIndex]) -> None:
        self._catalog = catalog
        self._folder = folder
        self._make = make
        self._open: dict[str, DerivedIndex] = {}
        self._lock = threading.RLock()

    def get(self, name: str) -> DerivedIndex:
        """The open index of this name.

        Raises:
            IndexUnavailableError: it is not open.
        """
        index = self._open.get(name)
        if index is None:
            raise IndexUnavailableError(f"The index '{name}' is not available. Run `rebuild` to make it anew.")
        return index

    def names(self) -> list[str]:
        """Indexes that are open."""
        return sorted(self._open)

    def ensure(self, names: Sequence[str]) -> list[Repair]:
        """Open these indexes, building anew what is missing or damaged; tells what had to be repaired."""
        with self._lock:
            closed = [name for name in names if name not in self._open]
            return [repair for name in closed if (repair := self._open_or_rebuild(name)) is not None]

    def retire(self, keep: Sequence[str]) -> None:
        """Drop every index but these, and folders of generations that are not valid any more."""
        with self._lock:
            for name in set(self._catalog.index_states()) - set(keep):
                self._drop(name)
            self._sweep()

    def sync(self, names: Sequence[str] = ()) -> None:
        """Bring open indexes (these, or all) up to the newest change."""
        with self._lock:
            states = self._catalog.index_states()
            for name in names or self.names():
                self._follow(name, states[name])
            self._catalog.trim_outbox()

    def rebuild(self, name: str, reason: str = "asked for") -> Repair:
        """Build the next generation beside the present one, then swap."""
        with self._lock:
            state = self._catalog.index_states().get(name)
            generation = state.generation + 1 if state else 1
            folder = self._path(name, generation)
            shutil.rmtree(folder, ignore_errors=True)
            fresh = self._make(name)
            seq = self._catalog.last_seq()
            fresh.open(folder)
            fresh.apply(None, ())
            failpoint("rebuild.built")
            self._catalog.swap_generation(name, generation, seq, fresh.config_hash)
            failpoint("rebuild.swapped")
            old = self._open.pop(name, None)
            self._open[name] = fresh
            if old is not None:
                old.close()
            self._sweep()
            self._follow(name, self._catalog.index_states()[name])
        _log.info("index %s built anew as generation %d: %s", name, generation, reason)
        return Repair(name, reason)

    def renew(self, name: str) -> None:
        """Build an index anew because the doctor says so."""
        self.rebuild(name, "the doctor found it damaged")

    def inspect(self, names: Sequence[str]) -> dict[str, str]:
        """Open these indexes, building anew what cannot be opened; name -> what was wrong with it."""
        return {repair.index: repair.reason for repair in self.ensure(names)}

    def check(self, name: str, thorough: bool = False) -> str:
        """What is wrong with an index, as a sentence, or ""."""
        with self._lock:
            state = self._catalog.index_states().get(name)
            if state is None:
                return "it was never built"
            if state.dirty:
                return "a write to it was not finished"
            try:
                return self.get(name).fault(thorough)
            except IndexUnavailableError as error:
                return str(error)

    def close(self) -> None:
        """Close all indexes."""
        with self._lock:
            for index in self._open.values():
                index.close()
            self._open.clear()

    def _open_or_rebuild(self, name: str) -> Repair | None:
        state = self._catalog.index_states().get(name)
        index = self._make(name)
        reason = self._why_rebuild(state, index)
        if not reason and state is not None:
            try:
                index.open(self._path(name, state.generation))
                self._open[name] = index
                self._follow(name, state)
                reason = index.fault()
            except (IndexUnavailableError, NotFoundError) as error:
                reason = str(error)
        if not reason:
            return None
        self._open.pop(name, None)
        index.close()
        repair = self.rebuild(name, reason)
        return repair if state is not None else None

    def _why_rebuild(self, state: IndexState | None, index: DerivedIndex) -> str:
        if state is None:
            return "it was never built"
        if state.dirty:
            return "a write to it was not finished"
        if state.config_hash != index.config_hash:
            return "it was built with other settings"
        if not self._path(state.name, state.generation).is_dir():
            return "its folder is missing"
        return ""

    def _follow(self, name: str, state: IndexState) -> None:
        index, applied = self.get(name), state.applied_seq
        while entries := self._catalog.outbox(applied, _BATCH):
            upserts, deletes = _coalesce(entries)
            applied = entries[-1].seq
            self._catalog.begin_index_write(name)
            failpoint("index.begun")
            index.apply(upserts, deletes)
            failpoint("index.applied")
            self._catalog.end_index_write(name, applied)

    def _drop(self, name: str) -> None:
        if (index := self._open.pop(name, None)) is not None:
            index.close()
        self._catalog.forget_index(name)

    def _sweep(self) -> None:
        """Remove folders of generations that are not valid any more."""
        states = self._catalog.index_states()
        valid = {self._path(name, state.generation) for name, state in states.items()}
        if self._folder.is_dir():
            for folder in self._folder.iterdir():
                if folder.is_dir() and folder not in valid:
                    shutil.rmtree(folder, ignore_errors=True)

    def _path(self, name: str, generation: int) -> Path:
        return generation_folder(self._folder, name, generation)


def generation_folder(derived: Path, name: str, generation: int) -> Path:
    """Where one generation of an index lies."""
    return derived / f"{name}-{generation:06d}"


def _coalesce(entries: Sequence[OutboxEntry]) -> tuple[list[str], list[str]]:
    """The last operation for each document decides."""
    last = {entry.document_id: entry.operation for entry in entries}
    upserts = [document for document, operation in last.items() if operation == "upsert"]
    deletes = [document for document, operation in last.items() if operation == "delete"]
    return upserts, deletes
