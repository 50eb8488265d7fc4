"""The table of contents: one short method for each thing the suite can do.

with CortexSuite.open(data_dir=Path("library")) as suite:
    suite.ingest([Path("papers")], "Papers", recursive=True)
    for hit in suite.search(Query("how are indexes rebuilt?")).hits:
        print(hit.score, hit.document, hit.page, hit.text)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from cortex_engine import caring, measuring, working
from cortex_engine.config import LoadedConfig, load_config
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.documents import Document, Page, PagePicture, line_boxes
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.records import Passage
from cortex_engine.core.reports import (
    EvaluationReport,
    Finding,
    IngestEvent,
    Job,
    JobFile,
    JobState,
    LedgerEntry,
)
from cortex_engine.core.search import Filters, Query, SearchMode, SearchResult
from cortex_engine.ingestion.submission import in_words, normalised
from cortex_engine.library import Library
from cortex_engine.working import IngestReport

OnEvent = Callable[[IngestEvent], None]


def _silent(event: IngestEvent) -> None:
    """Nobody listens."""


def _quiet(text: str) -> None:
    """Nobody reads along."""


class CortexSuite:
    """An open library with everything it can do. Not to be shared between processes; threads may share it."""

    def __init__(self, loaded: LoadedConfig, library: Library) -> None:
        self.loaded = loaded
        self.config = loaded.config
        self._library = library

    @classmethod
    def open(
        cls, data_dir: Path | None = None, loaded: LoadedConfig | None = None, create: bool = True, command: str = ""
    ) -> CortexSuite:
        """Open the library of the settings, or the one in `data_dir`.

        Args:
            data_dir: overrides the settings.
            loaded: settings that were read before.
            create: make the library if there is none.
            command: what this process does, told to others who meet its lock.

        Raises:
            ConfigError: a setting cannot be used.
            NotFoundError: there is no library and `create` is False.
            CatalogError: the catalog is damaged or newer than this program.
        """
        loaded = loaded or load_config(data_dir)
        if not create and not Library.exists(loaded.config):
            raise NotFoundError(
                f"There is no library in {loaded.config.data_dir} yet. `ingest` makes one, `samples load` one to try things on."
            )
        return cls(loaded, Library(loaded.config, command))

    def close(self) -> None:
        """Close the library; work that is queued stays queued."""
        self._library.close()

    def __enter__(self) -> CortexSuite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- collections -------------------------------------------------------------------------------------------------

    def collections(self) -> list[Collection]:
        """All collections by name, with counts."""
        return self._library.catalog.collections()

    def create_collection(self, name: str, description: str = "", spec: EmbeddingSpec | None = None) -> Collection:
        """Make a collection with the model that the settings name (or `spec`)."""
        return self._library.catalog.create_collection(name, spec or self._library.default_spec(), description)

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give a collection another name."""
        return self._library.catalog.rename_collection(name, new_name)

    def delete_collection(self, name: str) -> list[str]:
        """Remove a collection and the documents that belong to no other; returns their ids."""
        return working.delete(self._library, lambda catalog: catalog.delete_collection(name))

    def add_to_collection(self, name: str, documents: Sequence[str]) -> list[Document]:
        """Let documents (ids or names) belong to a collection too."""
        found = [self.document(each) for each in documents]
        working.add_to_collection(self._library, name, [document.id for document in found])
        return found

    def remove_from_collection(self, name: str, documents: Sequence[str]) -> list[str]:
        """Take documents out of a collection; those that belong to none any more are deleted, and returned.

        Raises:
            NotFoundError: no such collection or document, or a document is not in it; nothing was changed.
        """
        name = self._library.catalog.collection(name).name
        found = [self.document(each) for each in documents]
        for document in found:
            if name not in document.collections:
                raise NotFoundError(f"'{document.name}' is not in '{name}'. Nothing was changed.")
        ids = [document.id for document in found]
        return working.delete(self._library, lambda catalog: catalog.remove_from_collection(name, ids))

    # -- documents ---------------------------------------------------------------------------------------------------

    def documents(self, filters: Filters | None = None, limit: int = 100, offset: int = 0) -> list[Document]:
        """A page of the documents that meet the filters."""
        return self._library.catalog.documents(filters or Filters(), limit, offset)

    def count_documents(self, filters: Filters | None = None) -> int:
        """How many documents meet the filters."""
        return self._library.catalog.count_documents(filters or Filters())

    def document(self, id_or_name: str) -> Document:
        """One document by id, unique beginning of an id, name or path.

        Raises:
            NotFoundError: none.
            UsageError: several; the message lists them.
        """
        catalog, asked = self._library.catalog, in_words(id_or_name)
        found = catalog.find_documents(asked) or catalog.find_documents(in_words(normalised(Path(id_or_name))))
        if not found:
            near = ", ".join(f"'{row.name}'" for row in catalog.documents(Filters(title=asked), 3) if asked.strip())
            hint = f"Did you mean {near}?" if near else "`cortex documents list` shows what there is."
            raise NotFoundError(f"There is no document '{asked}'. {hint}")
        if len(found) > 1:
            several = ", ".join(f"{document.id[:12]} ({document.name})" for document in found[:5])
            raise UsageError(f"'{id_or_name}' names {len(found)} documents: {several}. Use an id.")
        return found[0]

    def pages(self, id_or_name: str) -> tuple[Page, ...]:
        """Pages of a document with text and word boxes."""
        return self._library.catalog.pages(self.document(id_or_name).id)

    def original(self, id_or_name: str) -> Path:
        """The original file, unchanged; do not write to it."""
        return self._library.blobs.path(self.document(id_or_name).sha256)

    def working_copy(self, id_or_name: str) -> Path:
        """A copy of the original under its own name, for another program to open."""
        return caring.working_copy(self._library, self.document(id_or_name))

    def page_picture(
        self, id_or_name: str, page: int, char_start: int = 0, char_end: int = 0, width: int = 1024
    ) -> PagePicture:
        """A page drawn as a picture, with boxes for a range of the document's characters.

        Raises:
            ParseError: the format has no pages to draw, or the page cannot be drawn.
            NotFoundError: no such page.
        """
        document = self.document(id_or_name)
        pages = self._library.catalog.pages(document.id)
        if not 1 <= page <= len(pages):
            raise NotFoundError(f"'{document.name}' has no page {page}; its last is page {len(pages)}.")
        start = sum(len(each.text) + 1 for each in pages[: page - 1])
        boxes = line_boxes(pages[page - 1], char_start - start, char_end - start)
        path = self._library.blobs.path(document.sha256)
        return self._library.parser.render(path, document.name, page, boxes, width)

    def passage(self, chunk_id: str) -> Passage:
        """A passage by id, with its document."""
        found = self._library.catalog.lookup([chunk_id])
        if chunk_id not in found:
            raise NotFoundError(f"There is no passage '{chunk_id}'; its document may have been deleted or replaced.")
        return found[chunk_id]

    def set_tags(self, id_or_name: str, tags: Sequence[str]) -> Document:
        """Replace a document's tags."""
        document = self.document(id_or_name)
        self._library.catalog.set_tags(document.id, tags)
        return self._library.catalog.document(document.id)

    def delete_documents(self, documents: Sequence[str]) -> list[str]:
        """Delete documents (ids or names) and what they contained; returns the ids that went."""
        ids = [self.document(each).id for each in documents]
        return working.delete(self._library, lambda catalog: catalog.delete_documents(ids))

    # -- ingestion ---------------------------------------------------------------------------------------------------

    def ingest(
        self,
        paths: Sequence[Path],
        collection: str = "",
        recursive: bool = False,
        on_event: OnEvent = _silent,
        stop: threading.Event | None = None,
    ) -> IngestReport:
        """Take files and folders in; returns when every file is in a final state (or the job was paused).

        Raises:
            NotFoundError: a path does not exist; nothing was queued.
            StorageFullError: the disk is too full; what is queued stays queued.
        """
        name = collection or self.config.default_collection
        return working.ingest(self._library, paths, name, recursive, on_event, stop)

    def sync_folder(
        self, folder: Path, collection: str = "", on_event: OnEvent = _silent, stop: threading.Event | None = None
    ) -> IngestReport:
        """Make a collection follow a folder: additions, changes and deletions.

        Raises:
            NotFoundError: the folder does not exist; nothing was changed.
        """
        return working.sync_folder(self._library, folder, collection or self.config.default_collection, on_event, stop)

    def load_samples(self, on_event: OnEvent = _silent) -> IngestReport:
        """Bring the sample documents in, with their vectors, so that the first search works within seconds."""
        return measuring.load_samples(self._library, on_event)

    def work(self, on_event: OnEvent = _silent, stop: threading.Event | None = None) -> None:
        """Work the queue as the owner until it is empty.

        Raises:
            LibraryLockedError: another process owns the library.
        """
        self._library.own()
        working.work(self._library, on_event, stop)

    def jobs(self, active_only: bool = False) -> list[Job]:
        """Ingests, newest first."""
        return self._library.catalog.jobs(active_only)

    def job(self, job_id: str) -> tuple[Job, list[JobFile]]:
        """One job with its files."""
        job = self._library.catalog.job(job_id)
        return job, self._library.catalog.job_files(job.id)

    def pause_job(self, job_id: str) -> Job:
        """Begin no further file of this job."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.PAUSED)

    def resume_job(self, job_id: str) -> Job:
        """Let a paused job go on (whoever owns the library works on it; `work` does it here)."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.QUEUED)

    def cancel_job(self, job_id: str) -> Job:
        """Drop the files of a job that have not been begun."""
        return self._library.catalog.set_job_state(self._library.catalog.job(job_id).id, JobState.CANCELLED)

    def retry_job(self, job_id: str) -> Job:
        """Queue failed, cancelled and quarantined files again."""
        return self._library.catalog.retry_job(self._library.catalog.job(job_id).id)

    # -- search ------------------------------------------------------------------------------------------------------

    def search(self, query: Query | str) -> SearchResult:
        """Find passages.

        Raises:
            UsageError: the query or a filter makes no sense.
            NotFoundError: a named collection does not exist.
            ModelUnavailableError, ModelMismatchError: in vector mode, when the model cannot be used.
        """
        question = Query(query) if isinstance(query, str) else query
        return working.search(self._library, question)

    # -- care --------------------------------------------------------------------------------------------------------

    def ledger(self, documents: Sequence[str] | None = None) -> list[LedgerEntry]:
        """The account of each document: pages by state, characters, passages, vectors, entries of the word index."""
        ids = None if documents is None else [self.document(each).id for each in documents]
        return caring.ledger(self._library, ids)

    def doctor(self, fix: bool = False, full: bool = False) -> list[Finding]:
        """Examine everything; with `fix`, mend what can be mended without loss."""
        return caring.doctor(self._library, self.loaded, fix, full)

    def rebuild(self) -> list[str]:
        """Build all derived indexes anew from the catalog; returns their names."""
        return caring.rebuild(self._library)

    def backup(self, target: Path) -> Path:
        """Write catalog and originals, with a manifest of hashes, into an empty folder."""
        return caring.backup(self._library, target)

    @staticmethod
    def restore(source: Path, data_dir: Path | None = None) -> Path:
        """Make a library from a backup, in a data folder that holds none; returns the folder."""
        return caring.restore(source, load_config(data_dir).config.data_dir)

    @staticmethod
    def evaluate(
        loaded: LoadedConfig,
        dataset: Path,
        modes: Sequence[SearchMode] = tuple(SearchMode),
        on_progress: Callable[[str], None] = _quiet,
    ) -> EvaluationReport:
        """Measure retrieval on a folder in BEIR layout, in a library of its own, through the same search line."""
        return measuring.evaluate(loaded, dataset, modes, on_progress)


def query_of(
    text: str, mode: str = "hybrid", top_k: int = 10, filters: Filters | None = None, group: bool = False
) -> Query:
    """A `Query` from plain words (doors use it).

    Raises:
        UsageError: there is no such mode.
    """
    try:
        chosen = SearchMode(mode)
    except ValueError:
        known = ", ".join(SearchMode)
        raise UsageError(f"There is no search mode '{mode}'. Use one of: {known}.") from None
    return replace(Query(text), mode=chosen, top_k=top_k, filters=filters or Filters(), group=group)
