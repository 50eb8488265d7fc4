"""The document line: parse, split, embed, commit. One file in, one committed document (and what it contained) out."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cortex_engine.core import identifiers
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.catalog import BlobStore, Catalog
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.documents import Attachment, Chunk, PageState, ParsedDocument
from cortex_engine.core.errors import CatalogError, CortexError, ModelUnavailableError, NotFoundError, ParseError
from cortex_engine.core.pictures import PreparedPicture
from cortex_engine.core.protocols import Chunker, DocumentParser, Embedder, Vectors
from cortex_engine.core.records import CommitOutcome, PreparedDocument, Source
from cortex_engine.core.reports import FileState, JobFile
from cortex_engine.ingestion.picture_plan import Original, Remarks
from cortex_engine.ingestion.pictures import BEFORE_COMMIT, PictureLine

_log = logging.getLogger(__name__)

_LOOKED_AT = 1000
"""Documents that are looked at first for one whose model is ready."""

_AS_SET = IngestOptions()
"""Everything as the settings say."""

_CONTAINERS = frozenset({"zip", "email"})
_DEEPEST = 2
"""A mail in an archive is opened, what lies in that mail as well; nothing below."""


@dataclass(slots=True)
class Outcome:
    """What became of one file."""

    state: FileState
    document_id: str = ""
    pages: int = 0
    seconds: float = 0.0
    messages: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """All that is to be said, in one string."""
        return " ".join(self.messages)


@dataclass(frozen=True, slots=True)
class _Item:
    """One set of bytes on its way through the line: the file itself or something it contained."""

    sha256: str
    bytes: int
    name: str
    depth: int
    parent_id: str = ""
    options: IngestOptions = _AS_SET


class DocumentLine:
    """Takes files through all steps.

    Args:
        catalog: where documents are committed.
        blobs: where the originals lie.
        parser_for: what reads files as a job's options ask.
        chunker_for: the chunker that fits a model's limit and a job's options.
        embedder_for: the model of a spec.
        pictures: gives documents their pictures, where the model sees.
    """

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        parser_for: Callable[[IngestOptions], DocumentParser],
        chunker_for: Callable[[EmbeddingSpec, IngestOptions], Chunker],
        embedder_for: Callable[[EmbeddingSpec], Embedder],
        pictures: PictureLine,
    ) -> None:
        self.pictures = pictures
        self._catalog = catalog
        self._blobs = blobs
        self._parser_for = parser_for
        self._chunker_for = chunker_for
        self._embedder_for = embedder_for

    def fingerprint(self, spec: EmbeddingSpec, options: IngestOptions = _AS_SET) -> str:
        """Identifies parser, chunker and their settings: 16 hexadecimal digits."""
        key = f"{self._parser_for(options).fingerprint}\x00{self._chunker_for(spec, options).fingerprint}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def process(self, file: JobFile, progress: Callable[[FileState], None]) -> Outcome:
        """Take one file of a job through the line.

        Raises:
            CortexError: the file did not go in; the sentence says why. Nothing of it was committed, or (for what it
                contained) what was committed is whole.
        """
        begun = time.perf_counter()
        collection = self._catalog.collection(file.collection)
        source = _source(file)
        item = _Item(file.sha256, file.bytes, file.name, depth=0, options=file.options)
        if file.attempts <= 1 and (known := self._known(item, collection)):
            return self._adopt(item, collection, source, known)
        outcome = Outcome(FileState.DONE)
        self._take(item, collection, source, outcome, progress)
        outcome.seconds = time.perf_counter() - begun
        return outcome

    def _known(self, item: _Item, collection: Collection) -> str:
        """The document's id when these bytes are already in the catalog, made by the same pipeline."""
        document_id = identifiers.document_id(item.sha256)
        try:
            document = self._catalog.document(document_id)
        except NotFoundError:
            return ""
        return document_id if document.pipeline == self.fingerprint(collection.spec, item.options) else ""

    def _adopt(self, item: _Item, collection: Collection, source: Source | None, document_id: str) -> Outcome:
        before = self._catalog.document(document_id)
        here = collection.name in before.collections
        if not here:
            self.fit(document_id, collection.spec)
        self._catalog.adopt(document_id, collection.name, source)
        word = "already here" if here else f"already in the library, now also in '{collection.name}'"
        name = "" if before.name == item.name else f" as '{before.name}'"
        state = FileState.ALREADY_HERE if here else FileState.DONE
        outcome = Outcome(state, document_id, before.page_count, messages=[f"{word}{name}"])
        try:
            self.embed_passages()
        except ModelUnavailableError as error:
            outcome.messages.append(f"Found by words only until the model is there: {error}")
            return outcome
        if collection.spec.sees:
            remarks = Remarks()
            self.pictures.draw_again(document_id, collection.spec, item.options)
            self.pictures.follow([document_id, *self._catalog.children(document_id)], remarks)
            outcome.messages += remarks.all
        return outcome

    def _take(
        self,
        item: _Item,
        collection: Collection,
        source: Source | None,
        outcome: Outcome,
        progress: Callable[[FileState], None],
    ) -> None:
        progress(FileState.PARSING)
        begun = time.perf_counter()
        parsed = self._parser_for(item.options).parse(self._blobs.path(item.sha256), item.name)
        document_id = identifiers.document_id(item.sha256)
        chunks = self._chunker_for(collection.spec, item.options).split(document_id, parsed)
        _check_account(item.name, parsed, chunks)
        progress(FileState.EMBEDDING)
        vectors = self._embed(chunks, collection.spec, outcome)
        remarks = Remarks(absent=not vectors)
        pictures = self._draw(item, parsed, collection.spec, remarks)
        _refuse_unreadable(item.name, parsed, pictures)
        prepared = PreparedDocument(
            sha256=item.sha256,
            name=item.name,
            bytes=item.bytes,
            parsed=parsed,
            chunks=chunks,
            vectors=vectors,
            pipeline=self.fingerprint(collection.spec, item.options),
            parent_id=item.parent_id,
            seconds=time.perf_counter() - begun,
            pictures=pictures,
            drawn=collection.spec.sees,
        )
        committed = self._catalog.commit(prepared, collection.name, source)
        if len(pictures) > BEFORE_COMMIT and not remarks.absent:
            self.pictures.follow([document_id], remarks)
        self._note(item, parsed, committed, outcome, bool(pictures))
        outcome.messages += remarks.all
        for attachment in parsed.attachments:
            self._take_attachment(attachment, item, document_id, collection, outcome, progress)

    def _draw(
        self, item: _Item, parsed: ParsedDocument, spec: EmbeddingSpec, remarks: Remarks
    ) -> list[PreparedPicture]:
        media_type = parsed.info.media_type
        if not self.pictures.wanted(media_type, spec, item.options):
            return []
        document_id, path = identifiers.document_id(item.sha256), self._blobs.path(item.sha256)
        original = Original(document_id, item.name, path, media_type, self._parser_for(item.options))
        return self.pictures.prepare(original, parsed.pages, spec, remarks)

    def _take_attachment(
        self,
        attachment: Attachment,
        container: _Item,
        parent_id: str,
        collection: Collection,
        outcome: Outcome,
        progress: Callable[[FileState], None],
    ) -> None:
        """What a file contained becomes a document of its own; a failure is told with the container, not hidden."""
        name = f"{container.name}/{attachment.name}"
        if container.depth >= _DEEPEST:
            outcome.messages.append(f"'{name}' lies too deep and was not opened.")
            return
        try:
            sha256, size = self._blobs.put_bytes(attachment.data)
            item = _Item(sha256, size, name, container.depth + 1, parent_id, container.options)
            self._take(item, collection, None, outcome, progress)
        except ParseError as error:
            outcome.messages.append(f"Not taken in from it: {error}")

    def take_texts(self, texts: Sequence[tuple[str, ParsedDocument]], collection: Collection) -> int:
        """Commit documents that need no parsing (name, content), embedding all of them together.

        Returns:
            Number of passages.
        """
        spec, pipeline = collection.spec, self.fingerprint(collection.spec)
        chunker, prepared = self._chunker_for(spec, _AS_SET), []
        for name, parsed in texts:
            sha256 = identifiers.text_hash(f"{name}\x00{parsed.text}")
            chunks = chunker.split(identifiers.document_id(sha256), parsed)
            _check_account(name, parsed, chunks)
            prepared.append(PreparedDocument(sha256, name, len(parsed.text), parsed, chunks, {}, pipeline))
        vectors = self._vectors([chunk for each in prepared for chunk in each.chunks], spec)
        position, complete = 0, []
        for each in prepared:
            rows = vectors[position : position + len(each.chunks)]
            position += len(each.chunks)
            complete.append(replace(each, vectors={spec.id: rows}))
        self._catalog.commit_many(complete, collection.name)
        return position

    def _embed(self, chunks: Sequence[Chunk], spec: EmbeddingSpec, outcome: Outcome) -> dict[str, Vectors]:
        if not chunks:
            return {spec.id: np.zeros((0, spec.dimension), dtype=np.float32)}
        try:
            return {spec.id: self._vectors(chunks, spec)}
        except ModelUnavailableError as error:
            _log.warning("embedding postponed: %s", error)
            outcome.messages.append(f"Found by words only until the model is there: {error}")
            return {}

    def _vectors(self, chunks: Sequence[Chunk], spec: EmbeddingSpec) -> Vectors:
        """Vectors of the passages; what was embedded before is not embedded again."""
        hashes = [identifiers.text_hash(chunk.embedded_text) for chunk in chunks]
        known = self._catalog.known_vectors(spec.id, hashes)
        matrix = np.empty((len(chunks), spec.dimension), dtype=np.float32)
        fresh = []
        for row, key in enumerate(hashes):
            if key in known:
                matrix[row] = np.frombuffer(known[key], dtype=np.float32)
            else:
                fresh.append(row)
        if fresh:
            embedder = self._embedder_for(spec)
            matrix[fresh] = embedder.embed_documents([chunks[row].embedded_text for row in fresh])
        return matrix

    def fit(self, document_id: str, spec: EmbeddingSpec) -> None:
        """Make sure that no passage of a document is too long for another collection's model.

        Raises:
            CatalogError: one is; the document has to be ingested from its file into that collection.
        """
        chunks = self._catalog.chunks([document_id])
        lengths = self._embedder_for(spec).tokenizer.lengths([chunk.embedded_text for chunk in chunks])
        if lengths and max(lengths) > spec.max_tokens:
            name = self._catalog.document(document_id).name
            raise CatalogError(
                f"'{name}' was cut for a model that reads longer passages; '{spec.model}' reads {spec.max_tokens} tokens "
                f"and the longest passage has {max(lengths)}. Set `chunk_max_tokens` to {spec.max_tokens} and ingest the "
                "file again."
            )

    def embed_missing(self) -> int:
        """Embed passages, then pictures, that wait for the model of a collection they belong to.

        Returns:
            Number of documents whose passages were embedded.

        Raises:
            ModelUnavailableError: the model (still) cannot be loaded.
        """
        done = self.embed_passages()
        self.pictures.draw_missing()
        while self.pictures.fill():
            pass
        return done

    def embed_some(self, ready: Callable[[EmbeddingSpec], bool]) -> int:
        """Embed the passages of one document, or a few pictures, that wait for a model that is ready.

        Returns:
            How many; 0 when there are none.

        Raises:
            ModelUnavailableError: the model cannot be loaded.
        """
        limit = _LOOKED_AT
        while waiting := self._catalog.unembedded(limit):
            chosen = next((each for each in waiting if ready(each[1])), None)
            if chosen is not None:
                return self._embed_document(*chosen)
            if len(waiting) < limit:
                break
            limit *= 4  # a library of a model that is absent hides no other
        self.pictures.draw_missing()
        return self.pictures.fill(ready)

    def embed_passages(self) -> int:
        """The same for passages only."""
        done = 0
        while waiting := self._catalog.unembedded():
            for document_id, spec in waiting:
                self._embed_document(document_id, spec)
                done += 1
        return done

    def _embed_document(self, document_id: str, spec: EmbeddingSpec) -> int:
        chunks = self._catalog.chunks([document_id])
        self._catalog.add_vectors(spec.id, [chunk.id for chunk in chunks], self._vectors(chunks, spec))
        return len(chunks)

    def _note(
        self, item: _Item, parsed: ParsedDocument, committed: CommitOutcome, outcome: Outcome, seen: bool
    ) -> None:
        if item.depth == 0:
            outcome.document_id = committed.document_id
            outcome.pages = len(parsed.pages)
            if committed.replaced:
                outcome.messages.append("Replaces the version that was here before.")
        if not parsed.text.strip() and parsed.info.media_type not in _CONTAINERS:
            instead = "; it is found by its look" if seen else ""
            outcome.messages.append(f"No text was found in '{item.name}'{instead}.")
        failed = [page for page in parsed.pages if page.state is PageState.FAILED]
        outcome.messages += [f"Page {page.number} could not be read: {page.reason}" for page in failed]
        outcome.messages += parsed.warnings


def _source(file: JobFile) -> Source | None:
    if not file.path:
        return None
    document_id = identifiers.document_id(file.sha256)
    return Source(file.collection, file.path, document_id, file.mtime_ns, file.bytes)


def _refuse_unreadable(name: str, parsed: ParsedDocument, pictures: Sequence[PreparedPicture]) -> None:
    if parsed.pages and not pictures and all(page.state is PageState.FAILED for page in parsed.pages):
        raise ParseError(f"No page of '{name}' could be read: {parsed.pages[0].reason}")


def _check_account(name: str, parsed: ParsedDocument, chunks: Sequence[Chunk]) -> None:
    """The ledger's equation, before anything is committed: every character stands in a passage."""
    text = parsed.text
    covered = np.zeros(len(text), dtype=bool)
    for chunk in chunks:
        covered[chunk.char_start : chunk.char_end] = True
    missing = [index for index in np.flatnonzero(~covered) if not text[index].isspace()]
    if missing:
        raise CortexError(
            f"'{name}' was not taken in: {len(missing)} of its characters would stand in no passage. "
            "This is a defect of the chunker; please report it with the file."
        )
