"""What "Why not this one?" is asked about: a document, a page or a passage of it; or something that never came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cortex_engine import working
from cortex_engine.core.app import IngestOptions, ModelState
from cortex_engine.core.documents import Document, Page, PageState
from cortex_engine.core.errors import IndexUnavailableError, NotFoundError, UsageError
from cortex_engine.core.flights import Cause, Remedy, Suggestion, WhyNot
from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.core.reports import FileState, JobFile
from cortex_engine.core.search import Filters, HitKind, Query
from cortex_engine.ingestion.submission import in_words, normalised
from cortex_engine.library import Library
from cortex_engine.retrieval.conditions import Condition, Facts, of_text
from cortex_engine.retrieval.pictures import holds as picture_holds
from cortex_engine.retrieval.query_text import ParsedQuery, parse_query

_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Target:
    """Something of the library.

    Attributes:
        ids: of its passages and pictures.
        page: from 1, 0 for the whole document or a passage.
        what: as a sentence begins with it: "Page 3 of 'report.pdf'".
        unembedded: a sentence when no passage of it has a vector, else "".
        remark: a sentence (with a space before it) about pages of it that could not be read, or "".
        pages: those that are asked about.
    """

    document_id: str
    collections: tuple[str, ...]
    ids: frozenset[str]
    chunks: tuple[str, ...]
    page: int
    name: str
    what: str
    facts: Facts
    pages: tuple[Page, ...]
    unembedded: str = ""
    remark: str = ""

    @property
    def called(self) -> str:
        """The document's name within a sentence."""
        return f"'{self.name}'"

    def blocked(self, library: Library, query: Query) -> list[Condition]:
        """Phrases and excluded words of a query that every passage of it fails."""
        parsed = parse_query(query.text, wordless=bool(query.picture))
        if not parsed.restricted:
            return []
        try:
            index = library.lexical_index()
        except IndexUnavailableError:
            return []  # the search itself has failed before, with the reason

        seen = library.catalog.lookup_pictures(sorted(self.ids - set(self.chunks)))
        described = [f"{each.picture.description} {each.text}" for each in seen.values()]

        def holds(phrases: tuple[str, ...], excluded: tuple[str, ...]) -> bool:
            asked = ParsedQuery("", phrases, excluded)
            return any(picture_holds(text, asked) for text in described) or bool(
                index.permits(LexicalQuery("", phrases, excluded), self.chunks)
            )

        return of_text(parsed, holds)


def find(library: Library, document: str, page: int, chunk_id: str) -> Target | None:
    """What is asked about; None when the library does not know it.

    Raises:
        UsageError: the name means several documents, or the document has no such page.
        NotFoundError: there is no such passage or picture.
    """
    catalog = library.catalog
    if chunk_id:
        owner = catalog.documents_of([chunk_id]).get(chunk_id)
        if owner is None:
            raise NotFoundError(f"There is no passage '{chunk_id}'; its document may have been deleted or replaced.")
        found = [catalog.document(owner)]
    else:
        asked = in_words(document.strip())
        found = catalog.find_documents(asked) or catalog.find_documents(in_words(normalised(Path(document.strip()))))
        found = found or _under_another_name(library, asked)
    if not found:
        return None
    if len(found) > 1:
        several = ", ".join(f"{each.id[:12]} ({', '.join(each.collections)})" for each in found[:5])
        raise UsageError(f"'{document}' names {len(found)} documents: {several}. Use an id.")
    if page > found[0].page_count or page < 0:
        raise UsageError(f"'{found[0].name}' has {found[0].page_count} pages; there is no page {page}.")
    return _target(library, found[0], page, chunk_id)


def _under_another_name(library: Library, asked: str) -> list[Document]:
    """What the newest file of this name became: its bytes may be here as another document, or the document was renamed."""
    files = library.catalog.files_called(asked)
    newest = next((each for each in files if asked in (each.name, each.path, Path(each.name).name)), None)
    return library.catalog.find_documents(newest.document_id) if newest is not None and newest.document_id else []


def _target(library: Library, document: Document, page: int, chunk_id: str) -> Target:
    catalog, called = library.catalog, f"'{document.name}'"
    chunks = catalog.chunks([document.id])
    pictures = [each for each in catalog.pictures([document.id]) if page in (0, each.page)]
    kept = [each.id for each in chunks if not page or each.page <= page <= max(each.page, each.page_end)]
    seen = [each.id for each in pictures]
    if chunk_id:
        kept, seen = [each for each in kept if each == chunk_id], [each for each in seen if each == chunk_id]
    pages = catalog.pages(document.id)
    what = f"Page {page} of {called}" if page else f"A passage of {called}" if chunk_id else called
    kinds = {kind for kind, ids in ((HitKind.TEXT, kept), (HitKind.PICTURE, seen)) if ids}
    failed = [each for each in pages if each.state is PageState.FAILED]
    remark = ""
    if failed and not page:
        numbers = ", ".join(str(each.number) for each in failed[:5])
        remark = f" {'Page' if len(failed) == 1 else 'Pages'} {numbers} of it could not be read: {failed[0].reason}"
    return Target(
        document.id,
        document.collections,
        frozenset([*kept, *seen]),
        tuple(kept),
        page,
        document.name,
        what,
        Facts(document.id, document.collections, frozenset(kinds)),
        tuple(each for each in pages if page in (0, each.number)),
        _unembedded(library, document, kept) if kept and not seen else "",
        remark,
    )


def _unembedded(library: Library, document: Document, chunk_ids: Sequence[str]) -> str:
    """Why none of the passages has a vector of a model that searches use; "" where one has."""
    catalog, wanted = library.catalog, set(chunk_ids)
    specs = catalog.models(document.collections)
    for model_id in specs:
        if any(wanted & set(batch.chunk_ids) for batch in catalog.vectors(model_id, [document.id])):
            return ""
    name = next((spec.model for spec in specs.values()), "its model")
    for model_id in specs:
        state, reason = library.shelf.state(model_id)
        if state in (ModelState.ABSENT, ModelState.UNHEALTHY) and reason:
            return reason
    return f"it waits for the model '{name}'."


def unreadable(library: Library, target: Target, query: Query) -> WhyNot | None:
    """The answer where nothing that could be found stands on the page, or in the whole document; else None."""
    if target.ids:
        return None
    bad = [each for each in target.pages if each.state in (PageState.FAILED, PageState.BLANK)]
    failed = any(each.state is PageState.FAILED for each in bad)
    reason = next((each.reason for each in bad if each.reason), "It holds no text.")
    how = "could not be read" if failed else "holds no text that could be found"
    sentence = f"{target.what} {how}: {reason}"
    again = Suggestion("Read it again", Remedy.RETRY, query, target.document_id)
    busy = [each for each in library.catalog.files_called(target.name) if not each.state.final]
    if busy:
        again = Suggestion("It is being read", Remedy.WAIT, query, str(busy[0].id))
    return WhyNot(Cause.PAGE_FAILED, sentence, "", target.document_id, "", {}, (again,))


def unknown(library: Library, document: str, query: Query) -> WhyNot:
    """The answer for something that the library does not hold: the queue may know why."""
    asked = document.strip()
    files = library.catalog.files_called(asked) or library.catalog.files_called(in_words(normalised(Path(asked))))
    if files:
        return _in_queue(files[0], asked, query)
    stem = Path(asked).stem
    near = [row.name for row in library.catalog.documents(Filters(title=stem), 3)] if stem else []
    hint = f" Did you mean {', '.join(repr(name) for name in near)}?" if near else ""
    sentence = f"'{asked}' is not in the library, and no file of this name was ever handed over.{hint}"
    add = Suggestion("Add the file", Remedy.INGEST, query, asked)
    return WhyNot(Cause.NOT_INGESTED, sentence, suggestions=(add,))


def _in_queue(file: JobFile, asked: str, query: Query) -> WhyNot:
    """What became of a file of this name."""
    if not file.state.final:
        waiting = (
            "waits to be taken in" if file.state is FileState.QUEUED else f"is being taken in ({file.state.value})"
        )
        wait = Suggestion("Search again when it is done", Remedy.WAIT, query, str(file.id))
        return WhyNot(
            Cause.NOT_INGESTED, f"'{asked}' {waiting}; it can be found when that is done.", suggestions=(wait,)
        )
    if file.state in (FileState.FAILED, FileState.QUARANTINED, FileState.CANCELLED):
        why = {FileState.CANCELLED: "its job was cancelled"}.get(file.state, file.message or "the reason is not known")
        retry = Suggestion("Try again to take it in", Remedy.RETRY, query, str(file.id))
        return WhyNot(Cause.NOT_INGESTED, f"'{asked}' did not go in: {why}", suggestions=(retry,))
    add = Suggestion("Add the file", Remedy.INGEST, query, asked)
    inside = f" From '{file.name}' was told: {file.message}" if file.message else ""
    return WhyNot(Cause.NOT_INGESTED, f"'{asked}' is not in the library (any more).{inside}", suggestions=(add,))


def retry(library: Library, target: str) -> None:
    """Take a file in again: a job's file by its number, or a document by its id, then with OCR.

    Raises:
        NotFoundError, UsageError: it is gone, or in work.
    """
    if len(target) >= _ID_DIGITS:
        library.catalog.read_again(target, IngestOptions(ocr=True))
    else:
        library.catalog.retry_file(int(target))


def add(library: Library, suggestion: Suggestion) -> None:
    """Let a document belong to the first of the collections that were asked."""
    asked = suggestion.query.filters.collections if suggestion.query else ()
    if not asked:
        raise UsageError("No collection was asked, so there is none to add the document to.")
    working.add_to_collection(library, asked[0], [suggestion.target])
