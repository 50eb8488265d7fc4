"""One open library: catalog, originals, lock, indexes and models, and whether this process owns them.

A process that only searches needs no ownership: it reads the catalog and opens the valid generation of each index
read-only. Whoever writes indexes is the owner, one process at a time (`catalog.owner`).
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path

from cortex_engine import backends, indexes
from cortex_engine.catalog.owner import OwnerLock
from cortex_engine.catalog.sqlite import SqliteCatalog
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.errors import (
    AlreadyExistsError,
    IndexUnavailableError,
    LibraryLockedError,
    NotFoundError,
    StorageFullError,
)
from cortex_engine.core.graph_records import EntityExtractor
from cortex_engine.core.later import Later
from cortex_engine.core.pace import Pace
from cortex_engine.core.pictures import VectorName
from cortex_engine.core.protocols import (
    Chunker,
    DocumentParser,
    Embedder,
    LexicalIndex,
    PictureDescriber,
    Reranker,
    ScoringVectorStore,
    VectorStore,
)
from cortex_engine.graph.current import CurrentGraph
from cortex_engine.ingestion.derived import DerivedIndex, VectorIndex, WordIndex
from cortex_engine.ingestion.indexing import IndexSync, Repair
from cortex_engine.ingestion.pictures import PictureLine
from cortex_engine.ingestion.pipeline import DocumentLine
from cortex_engine.rerankers import Rerankers
from cortex_engine.retrieval.bridge import Bridges
from cortex_engine.retrieval.calibrated import KeptScales
from cortex_engine.retrieval.watching import RecallWatch
from cortex_engine.shelf import ModelShelf

_log = logging.getLogger(__name__)

_ADDING = "Documents are being added right now; the newest of them may be missing from this result."


class Library:
    """What stands behind `CortexSuite`.

    Args:
        config: the settings.
        command: what this process does, for others who meet its lock.
    """

    def __init__(self, config: CortexConfig, command: str = "") -> None:
        self.config = config
        self.folder = config.data_dir
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock = OwnerLock(self.folder, command=command)
        self.blobs = backends.build_blobs(config)
        self.pictures = backends.build_pictures(config)
        self.catalog = SqliteCatalog(self.folder / "catalog.db", blobs=self.blobs)
        self.sync = IndexSync(self.catalog, self.derived, partial(indexes.make, catalog=self.catalog, config=config))
        self.repairs: list[Repair] = []
        self._owner = False
        self.shelf = ModelShelf(config, self.catalog)
        self.rerankers = Rerankers(config, self.shelf.turns)
        self._readers = indexes.IndexReaders(self.catalog, self.derived, config)
        self._parser: DocumentParser | None = None
        self._guard = threading.RLock()
        self.queue = threading.Lock()
        """Held by the thread of this process that works on the queue."""
        self.attended = False
        """Whether work in the background goes on in this process: what takes long is left to it."""
        self.paces: dict[str, Pace] = {}
        """How fast moves to another model go in this process, by migration id."""
        self.bridges = Bridges(self.catalog, self.embedder)
        self.scales = KeptScales(self.catalog)
        self.watch = RecallWatch(config.recall_sampling, self.catalog.last_seq)
        self.extraction_trouble = ""
        """Why documents wait for the knowledge graph, as a sentence, or ""."""
        self.graph = CurrentGraph(self.catalog, config.graph_enabled, lambda: self.attended)
        self.later = Later("work after searches")
        """What no search waits for."""
        self.swept = False
        """Whether this process has looked for vectors that an ended move left behind."""

    @staticmethod
    def exists(config: CortexConfig) -> bool:
        """Whether a library lies in the data folder."""
        return (config.data_dir / "catalog.db").exists()

    @property
    def derived(self) -> Path:
        """Folder of the derived indexes."""
        return self.folder / "derived"

    @property
    def owner(self) -> bool:
        """Whether this process owns the library."""
        return self._owner

    def own(self, timeout: float = 0.0) -> None:
        """Become the owner; leases of a process that died are given back, unfinished copies removed.

        Raises:
            LibraryLockedError: another process is the owner; the sentence names it.
        """
        with self._guard:
            if self._owner:
                return
            try:
                self.lock.acquire(timeout)
            except OSError:
                if not self.lock.held:
                    raise
                # On a full disk the note on who holds the lock cannot be written; what counts is the lock.
                _log.warning("the note on the owner of the library could not be written", exc_info=True)
            self._owner = True
            self._readers.close()
            self.catalog.become_owner()
            self.catalog.release_claims()
            self.blobs.clean_unfinished()

    def try_own(self) -> bool:
        """Become the owner if nobody else is."""
        try:
            self.own()
        except LibraryLockedError:
            return False
        return True

    @contextmanager
    def borrowed(self) -> Iterator[bool]:
        """Own the library for a moment if nobody else does, and tell whether; whoever owned it before keeps it.

        A process that only searched or deleted must not hinder others as long as it lives.
        """
        with self._guard:
            before = self._owner
            try:
                yield self.try_own()
            finally:
                if not before:
                    self.disown()

    def disown(self) -> None:
        """Let another process become the owner; this one goes on as a reader."""
        with self._guard:
            if self._owner:
                self.sync.close()
                self.catalog.become_owner(False)
                self.lock.release()
                self._owner = False

    def require_room(self) -> None:
        """Refuse before anything is written what would fill the disk.

        Raises:
            StorageFullError: less is free than the setting `min_free_bytes` wants (or 5 % of the disk, if that is less).
        """
        usage = shutil.disk_usage(self.folder)
        keep = backends.room_to_keep(self.config)
        if usage.free < keep:
            raise StorageFullError(
                f"The disk that holds '{self.folder}' has {usage.free / 1e9:.2f} GB left, and {keep / 1e9:.2f} GB must stay "
                "free. Nothing was written; free some room. Search goes on."
            )

    def models(self) -> dict[str, EmbeddingSpec]:
        """Models of all collections, by id."""
        return self.catalog.models()

    def search_indexes(self) -> list[str]:
        """Names of the indexes that every search can use."""
        return indexes.searched(self.models())

    def all_indexes(self) -> list[str]:
        """Names of all indexes, the configured vector store included."""
        models = self.catalog.kept_models()
        return [*indexes.searched(models), *indexes.stores(models, self.config)]

    def pace(self, migration_id: str) -> Pace:
        """How fast a move to another model goes in this process."""
        return self.paces.setdefault(migration_id, Pace())

    def bring_up(self, names: list[str]) -> list[Repair]:
        """As the owner: open these indexes, repair what is damaged, follow the newest changes."""
        repairs = self.sync.ensure(names)
        self.sync.sync(names)
        self.repairs += repairs
        return repairs

    def settle(self) -> None:
        """As the owner: bring every index up to date and drop those that no collection needs.

        A store that does not come up (its package is missing, it fails) hinders nobody: vectors are scanned exactly, and
        the doctor names it.
        """
        searched = self.search_indexes()
        self.bring_up(searched)
        repaired = self.sync.inspect([name for name in self.all_indexes() if name not in searched])
        self.repairs += [Repair(name, reason) for name, reason in repaired.items()]
        self.sync.sync()
        self.sync.retire(self.all_indexes)
        self.catalog.trim_outbox()

    def prepare_search(self) -> list[str]:
        """Make the indexes ready for a search; returns warnings.

        Without ownership nothing is done when all is clean. Otherwise ownership is borrowed for the repair, or, when another
        process works on the library, the search sees what that process has finished so far. Where all is clean, no search
        waits for a rebuild or an examination of the same process.
        """
        names = self.search_indexes()
        states, last = self.catalog.index_states(), self.catalog.last_seq()
        ready = all(name in states and not states[name].dirty and states[name].applied_seq >= last for name in names)
        try:
            if self._owner:
                # Who works on the queue brings them up to date before a file is called done: no search does it instead.
                if (ready or self.queue.locked()) and set(names) <= set(self.sync.names()):
                    return [] if ready else [_ADDING]
                repairs = self.bring_up(names)
            else:
                if ready and all(self._readers.readable(name) for name in names):
                    return []
                with self.borrowed() as owned:
                    if not owned:
                        return [_ADDING]
                    repairs = self.bring_up(names)
        except StorageFullError as error:
            return [f"{error} This result shows what was indexed before."]
        return [
            f"The index '{repair.index}' was damaged ({repair.reason}) and has been built anew." for repair in repairs
        ]

    def exact_store(self, model_id: str) -> ScoringVectorStore:
        """The flat index of a model.

        Raises:
            IndexUnavailableError: it is missing or damaged.
        """
        return self._scoring(indexes.exact_name(model_id))

    def picture_store(self, model_id: str, name: VectorName) -> ScoringVectorStore | None:
        """The flat index of one named vector of pictures, or None where the model does not see or there is nothing yet.

        Raises:
            IndexUnavailableError: it is missing or damaged.
        """
        if not self.catalog.spec(model_id).sees or not self.catalog.picture_vector_counts(model_id)[name]:
            return None
        return self._scoring(indexes.picture_name(model_id, name))

    def large_store(self, model_id: str) -> VectorStore | None:
        """The configured store of a model, or None where there is none or this process may not open it."""
        name = indexes.store_name(model_id)
        with self._guard:
            if not self._owner or self.config.vector_store == "exact" or name not in self.catalog.index_states():
                return None
            if name not in self.sync.names():
                self.sync.inspect([name])
            return self._vector_index(name).store if name in self.sync.names() else None

    def moment(self) -> tuple[int, dict[str, int]]:
        """Number of the newest change and the valid generations: a search that met another moment is asked again."""
        states = self.catalog.index_states()
        return self.catalog.last_seq(), {name: state.generation for name, state in states.items()}

    def lexical_index(self) -> LexicalIndex:
        """The word index.

        Raises:
            IndexUnavailableError: it is missing or damaged.
        """
        index = self._index(indexes.LEXICAL)
        if not isinstance(index, WordIndex):
            raise IndexUnavailableError("The word index is of the wrong kind; this is a defect of the plug board.")
        return index.index

    def embedder(self, spec: EmbeddingSpec) -> Embedder:
        """The model that made the vectors of `spec`, loaded once.

        Raises:
            ModelMismatchError, ModelUnavailableError: with cause and remedy.
        """
        return self.shelf.embedder(spec)

    def reranker(self) -> Reranker | None:
        """The reranker, loaded and examined, or None when none is switched on; raises as `Rerankers.reranker`."""
        return self.rerankers.reranker()

    def default_spec(self) -> EmbeddingSpec:
        """The spec of the model that the settings name, for new collections."""
        return self.shelf.default_spec()

    def collection(self, name: str) -> Collection:
        """The collection of this name, made with the default model if it is not there yet."""
        try:
            return self.catalog.collection(name)
        except NotFoundError:
            spec = self.default_spec()
        try:
            return self.catalog.create_collection(name, spec)
        except AlreadyExistsError:  # another process was faster
            return self.catalog.collection(name)

    def chunker(self, spec: EmbeddingSpec, options: IngestOptions | None = None) -> Chunker:
        """The chunker for a model and a job's options."""
        return backends.build_chunker(self.config, self.shelf.description(spec), options)

    def parser_for(self, options: IngestOptions) -> DocumentParser:
        """The parse box, reading as a job's options ask."""
        return backends.parser_for(self.config, self.parser, options)

    @property
    def parser(self) -> DocumentParser:
        """The parse box; its process starts with the first file."""
        with self._guard:
            if self._parser is None:
                self._parser = backends.build_parser(self.config)
            return self._parser

    @cached_property
    def describer(self) -> PictureDescriber | None:
        """What describes pictures in words, None where no endpoint is set."""
        return backends.build_describer(self.config)

    @property
    def extractor(self) -> EntityExtractor:
        """What finds entities and relations; one that cannot be used says so when it is to extract."""
        return self._extraction[0]

    @property
    def extractor_note(self) -> str:
        """Why it is this one, as a sentence."""
        return self._extraction[1]

    @cached_property
    def _extraction(self) -> tuple[EntityExtractor, str]:
        return backends.build_extractor(self.config)

    def line(self) -> DocumentLine:
        """A document line on this library."""
        config = self.config
        drawing = (self.parser_for, self.embedder, self.describer, config.describe_pictures, config.page_pictures)
        pictures = PictureLine(self.catalog, self.blobs, *drawing)
        return DocumentLine(self.catalog, self.blobs, self.parser_for, self.chunker, self.embedder, pictures)

    def close(self) -> None:
        """Close everything and give up ownership."""
        self.later.close()
        with self._guard:
            self._readers.close()
            self.sync.close()
            close_parser: Callable[[], None] | None = getattr(self._parser, "close", None)
            if close_parser is not None:
                close_parser()
            self.catalog.close()
            self.lock.release()
            self._owner = False

    def _vector_index(self, name: str) -> VectorIndex:
        index = self._index(name)
        if not isinstance(index, VectorIndex):
            raise IndexUnavailableError(f"The index '{name}' is of the wrong kind; this is a defect of the plug board.")
        return index

    def _scoring(self, name: str) -> ScoringVectorStore:
        store = self._vector_index(name).store
        if not isinstance(store, ScoringVectorStore):
            raise IndexUnavailableError(
                f"The index '{name}' cannot score what it holds; this is a defect of the plug board."
            )
        return store

    def _index(self, name: str) -> DerivedIndex:
        """The owner's open index; else (also when the owner had no room to bring it up) the last valid state on disk."""
        return self.sync.get(name) if self._owner and name in self.sync.names() else self._readers.get(name)
