"""Keep the derived indexes in step with the catalog: outbox, dirty flag, generations.

The reasons stand in `docs/explanation/truth-and-derivation.md`.
"""

from __future__ import annotations

import errno
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.catalog import Catalog
from cortex_engine.core.errors import (
    CortexError,
    IndexUnavailableError,
    ModelMismatchError,
    ModelUnavailableError,
    NotFoundError,
    StorageFullError,
)
from cortex_engine.core.failpoints import failpoint
from cortex_engine.core.records import CatalogCounts
from cortex_engine.core.reports import IndexState, OutboxEntry
from cortex_engine.ingestion.derived import DerivedIndex

_log = logging.getLogger(__name__)

_BATCH = 500

_LARGEST_FILE = 2_500_000_000
_LARGEST_SHARE = 1_000_000
"""Bytes that no index file reaches by itself: so many, and so many more for each passage or picture."""

_NO_ROOM = ("No space left", "os error 28", "disk is full", "os error 122", "quota exceeded")
"""How the libraries underneath put ENOSPC and EDQUOT, which they do not hand on as numbers."""

DAMAGE = (IndexUnavailableError, NotFoundError, ModelMismatchError, OSError, ValueError, IndexError)
"""What an index may fail with whose files were changed from outside: all of it means to build it anew."""

_UNUSABLE = (*DAMAGE, ModelUnavailableError, StorageFullError)
"""Why an index may not come up at all; what can do without it goes on, and says so."""


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
        self._failures: dict[str, str] = {}
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

    def retire(self, keep: Callable[[], Sequence[str]]) -> None:
        """Drop every index but these, and folders of generations that are not valid any more.

        `keep` is asked while nobody else opens an index: one of a collection that has just been made is among them.
        """
        with self._lock:
            for name in set(self._catalog.index_states()) - set(keep()):
                self._drop(name)
            self._sweep()

    def sync(self, names: Sequence[str] = ()) -> None:
        """Bring open indexes (these, or all) up to the newest change."""
        with self._lock:
            states = self._catalog.index_states()
            for name in names or self.names():
                if name not in self._open:  # another thread has dropped it with the last collection of its model
                    continue
                try:
                    self._follow(name, states[name])
                except DAMAGE as error:
                    _log.warning("index %s failed while it was written: %s", name, error)
                    self.rebuild(name, _in_words(error))
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
            try:
                with _room(name):
                    folder.mkdir(parents=True)  # also of an index that holds nothing yet: a missing folder is damage
                    fresh.open(folder)
                    fresh.apply(None, ())
            except BaseException:
                _close_failed(fresh)
                shutil.rmtree(folder, ignore_errors=True)
                raise
            failpoint("rebuild.built")
            self._catalog.swap_generation(name, generation, seq, fresh.config_hash)
            failpoint("rebuild.swapped")
            old = self._open.pop(name, None)
            self._open[name] = fresh
            self._failures.pop(name, None)
            if old is not None:
                _close_failed(old)
            self._sweep()
            self._follow(name, self._catalog.index_states()[name])
        _log.info("index %s built anew as generation %d: %s", name, generation, reason)
        return Repair(name, reason)

    def renew(self, name: str) -> None:
        """Build an index anew because the doctor says so."""
        self.rebuild(name, "the doctor found it damaged")

    def inspect(self, names: Sequence[str]) -> dict[str, str]:
        """Open these indexes, building anew what is damaged; name -> what was wrong with it.

        What does not come up at all stays closed, and `check` tells why.
        """
        repaired = {}
        for name in names:
            self._failures.pop(name, None)
            try:
                repaired.update({repair.index: repair.reason for repair in self.ensure([name])})
            except _UNUSABLE as error:
                _log.warning("index %s is not available: %s", name, error)
                self._failures[name] = _in_words(error)
        return repaired

    def check(self, name: str, thorough: bool = False) -> str:
        """What is wrong with an index, as a sentence, or ""."""
        with self._lock:
            if name in self._failures:
                return self._failures[name]
            state = self._catalog.index_states().get(name)
            if state is None:
                return "it was never built"
            if state.dirty:
                return "a write to it was not finished"
            try:
                return self.get(name).fault(thorough)
            except DAMAGE as error:
                return _in_words(error)

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
                reason = self._try_open(index, state)
            except DAMAGE as error:
                reason = _in_words(error)
        if not reason:
            return None
        self._open.pop(name, None)
        _close_failed(index)
        repair = self.rebuild(name, reason)
        return repair if state is not None else None

    def _try_open(self, index: DerivedIndex, state: IndexState) -> str:
        """Open a generation, bring it up to date, and say what is wrong with it.

        A fragile one is marked dirty meanwhile: should its own code bring the process down, the next start builds it anew
        instead of dying of it again.
        """
        if index.fragile:
            self._catalog.begin_index_write(state.name)
        index.open(self._path(state.name, state.generation))
        self._open[state.name] = index
        self._follow(state.name, state)
        if index.fragile:
            self._catalog.begin_index_write(state.name)
        reason = index.fault()
        if index.fragile and not reason:
            self._catalog.end_index_write(state.name, self._catalog.index_states()[state.name].applied_seq)
        return reason

    def _why_rebuild(self, state: IndexState | None, index: DerivedIndex) -> str:
        if state is None:
            return "it was never built"
        if state.dirty:
            return "a write to it was not finished"
        if state.config_hash != index.config_hash:
            return "it was built with other settings"
        if not self._path(state.name, state.generation).is_dir():
            return "its folder is missing"
        return oversized(self._path(state.name, state.generation), self._catalog.counts())

    def _follow(self, name: str, state: IndexState) -> None:
        index, applied = self.get(name), state.applied_seq
        while entries := self._catalog.outbox(applied, _BATCH):
            upserts, deletes = _coalesce(entries, index.of_vectors)
            applied = entries[-1].seq
            self._catalog.begin_index_write(name)
            failpoint("index.begun")
            try:
                if upserts or deletes:
                    with _room(name):
                        index.apply(upserts, deletes)
            except BaseException:
                # What it holds in memory may be half of the change: the next use opens it again, finds it dirty, and
                # builds it anew.
                self._open.pop(name, None)
                _close_failed(index)
                raise
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


def oversized(folder: Path, counts: CatalogCounts) -> str:
    """A file far larger than what so many passages and pictures need, in words, or "" (Chroma has written sparse ones of 226 GB).

    To be asked before such a file is opened: whoever reads it whole has no memory left.
    """
    limit = _LARGEST_FILE + (counts.chunks + counts.pictures) * _LARGEST_SHARE
    for path in folder.rglob("*"):
        if path.is_file() and (size := path.stat().st_size) > limit:
            return f"its file {path.name} claims {size / 1e9:.1f} GB for {counts.chunks} passages"
    return ""


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, CortexError) else f"{type(error).__name__}: {error}"


def _close_failed(index: DerivedIndex) -> None:
    """Close an index that is given up; that it cannot even be closed in order changes nothing."""
    try:
        index.close()
    except (CortexError, OSError, ValueError) as error:
        _log.warning("index %s was given up: %s", index.name, error)


@contextmanager
def _room(name: str) -> Iterator[None]:
    """Tell a full disk from damage, whichever way the index says it.

    Raises:
        StorageFullError: there was no room to write the index.
    """
    try:
        yield
    except (IndexUnavailableError, OSError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or any(words in str(error) for words in _NO_ROOM):
            raise StorageFullError(
                f"The disk is full; the index '{name}' could not be written. Nothing is lost: free some room, and what "
                "waits goes on with the next ingest."
            ) from error
        raise


def _coalesce(entries: Sequence[OutboxEntry], of_vectors: bool) -> tuple[list[str], list[str]]:
    """The last operation for each document decides; what changed in vectors alone is nothing to an index of words."""
    last = {entry.document_id: entry.operation for entry in entries if of_vectors or entry.operation != "vectors"}
    upserts = [document for document, operation in last.items() if operation != "delete"]
    deletes = [document for document, operation in last.items() if operation == "delete"]
    return upserts, deletes
