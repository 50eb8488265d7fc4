"""Samples and evaluation: documents that come with the package, and data sets in a library of their own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cortex_engine import backends, graphing, searching, working
from cortex_engine.config import LoadedConfig
from cortex_engine.core import identifiers
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.documents import (
    PAGE_BREAK,
    Block,
    BlockKind,
    DocumentInfo,
    Page,
    PageState,
    ParsedDocument,
)
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.protocols import Embedder, Tokenizer, Vectors
from cortex_engine.core.reports import EvaluationReport, IngestEvent, Job
from cortex_engine.core.search import Filters, Query, SearchMode, SearchResult
from cortex_engine.library import Library
from cortex_engine.working import IngestReport

if TYPE_CHECKING:
    from cortex_engine.evaluation.datasets import EvaluationDataset

SAMPLE_COLLECTION = "Samples"
_BATCH = 512


def evaluate(
    loaded: LoadedConfig, dataset: Path, modes: Sequence[SearchMode], on_progress: Callable[[str], None]
) -> EvaluationReport:
    """See `CortexSuite.evaluate`."""
    with evaluation_library(loaded, dataset, on_progress) as ask:
        return ask(modes, {})


@contextmanager
def evaluation_library(
    loaded: LoadedConfig, dataset: Path, on_progress: Callable[[str], None]
) -> Iterator[Callable[..., EvaluationReport]]:
    """A data set in a library of its own, which is deleted at the end; call what is given to measure modes on it.

    The second argument holds settings that searches read ({"fusion": "reciprocal_rank"}), for comparisons on the same indexes.
    The third, where given, is told each result before it is measured.

    Raises:
        NotFoundError, UsageError: the folder is no data set in BEIR layout, or a line of it cannot be read.
    """
    from cortex_engine.evaluation.datasets import read_dataset
    from cortex_engine.evaluation.harness import evaluate as measure

    data = read_dataset(dataset)
    with corpus_library(loaded, data, on_progress) as library:
        config = library.config

        def ask(
            modes: Sequence[SearchMode],
            settings: Mapping[str, object],
            told: Callable[[SearchResult], None] = lambda _: None,
        ) -> EvaluationReport:
            library.config = config.model_copy(update=dict(settings))
            if SearchMode.GRAPHRAG in modes and graphing.extract_waiting(library):
                on_progress("Names are read; the knowledge graph is there.")

            def retrieve(query: Query) -> SearchResult:
                result = searching.search(library, query)
                told(result)
                return result

            return measure(data, retrieve, modes)

        yield ask


@contextmanager
def corpus_library(
    loaded: LoadedConfig, data: EvaluationDataset, on_progress: Callable[[str], None] = lambda _: None
) -> Iterator[Library]:
    """The documents of a data set in a library of its own, in one collection of its name; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="cortex-evaluate-") as folder:
        config = loaded.config.model_copy(update={"data_dir": Path(folder), "min_free_bytes": 0, "graph_enabled": True})
        library = Library(config, "evaluate")
        try:
            library.own()
            collection = library.collection(data.name)
            count = _take_corpus(library, collection, data.corpus(), on_progress)
            library.settle()
            on_progress(f"{count} passages are indexed; asking {len(data.queries)} queries.")
            yield library
        finally:
            library.close()


def _take_corpus(
    library: Library,
    collection: Collection,
    corpus: Iterable[tuple[str, str, str]],
    on_progress: Callable[[str], None],
) -> int:
    line, passages, documents = library.line(), 0, 0
    for batch in _batches(corpus, _BATCH):
        passages += line.take_texts([(name, _plain_document(title, text)) for name, title, text in batch], collection)
        documents += len(batch)
        on_progress(f"{documents} documents, {passages} passages embedded …")
    return passages


def _batches(items: Iterable[tuple[str, str, str]], size: int) -> Iterator[list[tuple[str, str, str]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _plain_document(title: str, text: str) -> ParsedDocument:
    """A title and a text as a document of one page."""
    clean = [part.replace("\x00", "").replace(PAGE_BREAK, " ").strip() for part in (title, text)]
    parts = [part for part in clean if part]
    whole = "\n\n".join(parts)
    blocks, position = [], 0
    for part in parts:
        kind = BlockKind.HEADING if part is clean[0] else BlockKind.PARAGRAPH
        blocks.append(Block(kind, position, position + len(part), level=1 if kind is BlockKind.HEADING else 0))
        position += len(part) + 2
    state = PageState.TEXT if whole else PageState.BLANK
    info = DocumentInfo("text", title=clean[0], language=backends.detect_language(whole))
    return ParsedDocument(info, (Page(1, whole, state),), tuple(blocks))


class _PrecomputedEmbedder:
    """The packaged model with the vectors of the samples at hand: equal texts are not embedded again."""

    def __init__(self, embedder: Embedder, known: dict[str, NDArray[np.float32]]) -> None:
        self._embedder = embedder
        self._known = known

    @property
    def spec(self) -> EmbeddingSpec:
        return self._embedder.spec

    @property
    def tokenizer(self) -> Tokenizer:
        return self._embedder.tokenizer

    def load(self) -> None:
        self._embedder.load()

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return self._embedder.embed_query(text)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        keys = [identifiers.text_hash(text) for text in texts]
        fresh = [row for row, key in enumerate(keys) if key not in self._known]
        matrix = np.empty((len(texts), self.spec.dimension), dtype=np.float32)
        for row, key in enumerate(keys):
            if key in self._known:
                matrix[row] = self._known[key]
        if fresh:
            matrix[fresh] = self._embedder.embed_documents([texts[row] for row in fresh])
        return matrix


def load_samples(library: Library, on_event: Callable[[IngestEvent], None]) -> IngestReport:
    """See `CortexSuite.load_samples`."""
    with _sample_files(library) as folder:
        return working.ingest(library, [folder], SAMPLE_COLLECTION, True, on_event, None)


def submit_samples(library: Library) -> Job | None:
    """See `CortexSuite.submit_samples`."""
    for job in library.catalog.jobs(active_only=True):
        if job.collection == SAMPLE_COLLECTION:
            return job
    with _sample_files(library) as folder:
        here = library.catalog.scope(Filters(collections=(SAMPLE_COLLECTION,))) or frozenset()
        wanted = [identifiers.document_id(identifiers.file_hash(path)) for path in sorted(folder.iterdir())]
        if here.issuperset(wanted):
            return None
        return working.submit(library, [folder], SAMPLE_COLLECTION, True, IngestOptions())[0]


@contextmanager
def _sample_files(library: Library) -> Iterator[Path]:
    """The folder of the samples; their vectors are at hand for the library's model."""
    with as_file(files("cortex_engine") / "samples") as folder:
        collection = library.collection(SAMPLE_COLLECTION)
        embedder = library.embedder(collection.spec)
        if not isinstance(embedder, _PrecomputedEmbedder):
            library.shelf.cover(_PrecomputedEmbedder(embedder, _vectors(folder, collection.spec)))
        yield folder / "documents"


def sample_questions(library: Library) -> list[str]:
    """See `CortexSuite.sample_questions`."""
    try:
        library.catalog.collection(SAMPLE_COLLECTION)
    except NotFoundError:
        return []
    text = (files("cortex_engine") / "samples" / "queries.json").read_text(encoding="utf-8")
    here = {document.name for document in library.catalog.documents(Filters(collections=(SAMPLE_COLLECTION,)))}
    jobs = [job for job in library.catalog.jobs(active_only=True) if job.collection == SAMPLE_COLLECTION]
    # A file is done when its document can be found, a moment after the document is there.
    here -= {file.name for job in jobs for file in library.catalog.job_files(job.id) if not file.state.final}
    return [row["query"] for row in json.loads(text) if row["document"] in here]


def _vectors(folder: Path, spec: EmbeddingSpec) -> dict[str, NDArray[np.float32]]:
    """Vectors by the hash of their text, if they were made by this very model."""
    path = folder / "vectors.npz"
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        if str(stored["model_id"]) != spec.id:
            return {}
        return dict(zip(stored["hashes"].tolist(), stored["vectors"], strict=True))
