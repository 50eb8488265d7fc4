"""The lexical index on tantivy: BM25 (k1 1.2, b 0.75), one writer, any number of readers."""

from __future__ import annotations

import threading
from collections.abc import Collection as SizedCollection
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_engine.core.errors import CortexError, IndexUnavailableError, LibraryLockedError
from cortex_engine.core.installed import version_of
from cortex_engine.core.protocols import LexicalEntry, LexicalQuery
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.core.search import Ranking, ScoredChunk
from cortex_engine.lexical import integrity
from cortex_engine.lexical.coverage import coverage
from cortex_engine.lexical.moments import moments, sample_names
from cortex_engine.lexical.queries import NO_LANGUAGE, QueryBuilder, build_schema
from cortex_engine.lexical.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tantivy

ANALYSIS = "1"
"""Changes whenever the same text may give other terms; the index then has to be built again."""
_WRITER_BYTES = 64_000_000
_EXTRA_FOR_TIES = 2
_ATTEMPTS = 5
_LARGE_SCOPE = 64  # from so many documents on it pays to see whether they are all


class TantivyIndex:
    """Implements `LexicalIndex`. Methods may be called from any thread.

    Args:
        folder: holds the index and nothing else; made with the first write, or the first search of a writer.
        read_only: never writes the index; sees the last commit of the process that does.

    The files are compared with their checksums when the index is opened and when another process has committed;
    `verify` does it again at will. Files that are damaged while they are in use are not noticed before that.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only
        self._lock = threading.RLock()  # the open index; held for moments only, so that searches never wait for `add`
        self._write_lock = threading.RLock()  # the writer; always taken before the other
        self._tokenizer = Tokenizer()
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._checked: set[str] = set()
        self._scope: tuple[int, frozenset[str], tantivy.Query | None] | None = None
        self._generation = 0  # counts what searches can see: a scope is remembered for one state of the index only

    @property
    def fingerprint(self) -> str:
        """Changes whenever an index made before has to be made again (analysis, tantivy, stemmers)."""
        return f"tantivy-{version_of('tantivy')}/analysis-{ANALYSIS}/snowball-{version_of('PyStemmer')}"

    def add(self, entries: Iterable[LexicalEntry]) -> None:
        """Insert or replace; visible after `flush`.

        Raises:
            IndexUnavailableError: the index is damaged or cannot be written.
            LibraryLockedError: another process writes this index.
        """
        import tantivy

        with self._write_lock:
            writer = self._writing()
            for entry in entries:
                terms, words = self._tokenizer.analyse(entry.text, entry.language)
                title, title_words = self._tokenizer.analyse(entry.title, entry.language)
                document = tantivy.Document()
                document.add_text("chunk_id", entry.chunk_id)
                document.add_text("document_id", entry.document_id)
                document.add_text("language", entry.language or NO_LANGUAGE)
                document.add_text("sample", sample_names(entry.chunk_id))
                document.add_text("body", terms)
                document.add_text("title", title)
                document.add_text("words", title_words)  # two values: no phrase reaches from one into the other
                document.add_text("words", words)
                with self._reported():
                    writer.delete_documents_by_term("chunk_id", entry.chunk_id)
                    writer.add_document(document)

    def remove(self, document_ids: SizedCollection[str]) -> None:
        """Remove all passages of these documents; visible after `flush`. Unknown ids are ignored.

        Raises:
            IndexUnavailableError: the index is damaged or cannot be written.
            LibraryLockedError: another process writes this index.
        """
        if not document_ids:
            return
        with self._write_lock:
            writer = self._writing()
            with self._reported():
                for document_id in document_ids:
                    writer.delete_documents_by_term("document_id", document_id)

    def flush(self) -> None:
        """Commit: durable on disk and visible to `match`.

        Raises:
            IndexUnavailableError: the commit failed; what was added since the last one is lost.
        """
        with self._write_lock:
            if self._writer is None:
                return
            with self._reported():
                self._writer.commit()
                with self._lock:
                    self._opened().reload()
                    self._generation += 1

    def match(self, query: LexicalQuery, top_k: int, documents: SizedCollection[str] | None = None) -> Ranking:
        """The best `top_k` by BM25, stage "lexical"; equal scores are ordered by chunk id.

        Words of `text` and of the phrases score; a phrase and an excluded word hold for the title too. Phrases and
        excluded words are compared as they stand, without stemming. A query without words finds nothing.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        with self._reported():
            searcher, builder = self._reading()
            wanted = builder.matching(query, self._scope_query(searcher, builder, documents))
            if wanted is None or top_k <= 0 or searcher.num_docs == 0:
                return Ranking("lexical", ())
            return Ranking("lexical", tuple(_best(searcher, wanted, top_k)))

    def scores(self, query: LexicalQuery, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """What `match` gives each of these passages; 0.0 for those that it does not find.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        found = dict.fromkeys(chunk_ids, 0.0)
        with self._reported():
            searcher, builder = self._reading()
            wanted = builder.matching(query, builder.any_of("chunk_id", found)) if found else None
            if wanted is not None:
                for score, address in searcher.search(wanted, len(found), count=False).hits:
                    found[_chunk_id(searcher, address)] = score
        return found

    def permits(self, query: LexicalQuery, chunk_ids: Sequence[str]) -> set[str]:
        """Those of the passages that hold every phrase and no excluded word (all, when the query names none).

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        import tantivy

        asked = set(chunk_ids)
        with self._reported():
            searcher, builder = self._reading()
            conditions = builder.conditions(query)
            if not conditions or not asked:
                return asked
            among = (tantivy.Occur.Must, builder.any_of("chunk_id", asked))
            hits = searcher.search(tantivy.Query.boolean_query([among, *conditions]), len(asked), count=False).hits
            return {_chunk_id(searcher, address) for _, address in hits}

    def weights(self, query: LexicalQuery) -> Mapping[str, float]:
        """The words of the query as they are looked up (a stem, one form of several) -> inverse document frequency.

        Words that no passage holds have 0.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        with self._reported():
            return self._reading()[1].weights(query)

    def moments(self, query: LexicalQuery, documents: SizedCollection[str] | None = None) -> ScoreMoments:
        """Mean and deviation of BM25 over all passages in scope, those without a match counting as 0.

        Exact when the scope has at most 4,096 passages, or at most 512 of them match. Beyond, the 512 best matches
        count exactly and the others through a fixed random sample of some 2,000 to 4,000 passages in scope: the same
        query always gives the same moments. `count` is always exact.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        with self._reported():
            searcher, builder = self._reading()
            return moments(searcher, builder, query, self._scope_query(searcher, builder, documents))

    def coverage(self, query: LexicalQuery, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """Share, 0..1, of the query's words that each of these passages holds in text or title, weighed by their rarity.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        found = dict.fromkeys(chunk_ids, 0.0)
        with self._reported():
            searcher, builder = self._reading()
            wanted, total = coverage(builder, query, found) if found else (None, 0.0)
            if wanted is not None and total > 0:
                for score, address in searcher.search(wanted, len(found), count=False).hits:
                    found[_chunk_id(searcher, address)] = min(score / total, 1.0)
        return found

    def ids(self) -> set[str]:
        """All chunk ids held.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        import tantivy

        with self._reported():
            searcher, _ = self._reading()
            found = searcher.terms_with_prefix("chunk_id", "", tantivy.Query.all_query())
            return {chunk_id for chunk_id, _ in found}

    def count(self) -> int:
        """Number of passages held.

        Raises:
            IndexUnavailableError: the index is missing or damaged.
        """
        with self._reported():
            return int(self._reading()[0].num_docs)

    def verify(self) -> None:
        """Compare every file of the last commit with its checksum.

        Raises:
            IndexUnavailableError: names the first file that is damaged or missing.
        """
        with self._lock, self._reported():
            self._checked.clear()
            self._check()

    def close(self) -> None:
        """Release files and locks. What was not flushed is dropped. Another call opens the index again."""
        with self._write_lock:
            writer, self._writer = self._writer, None
            with self._lock:
                self._index = self._stamp = self._scope = None
                self._generation += 1
                self._checked.clear()
            if writer is not None:
                with self._reported():
                    writer.rollback()
                    writer.wait_merging_threads()

    def _reading(self) -> tuple[tantivy.Searcher, QueryBuilder]:
        with self._lock:
            index = self._opened()
            if self._read_only and integrity.stamp(self._folder) != self._stamp:
                self._check()
                index.reload()
                self._generation += 1
            searcher = index.searcher()
            return searcher, QueryBuilder(index.schema, searcher, self._tokenizer, self._generation)

    def _writing(self) -> tantivy.IndexWriter:
        if self._read_only:
            raise IndexUnavailableError(
                f"The lexical index in {self._folder} was opened for reading only; nothing was written. "
                "Let the process that owns the library write."
            )
        if self._writer is None:
            with self._reported():
                self._writer = self._opened().writer(_WRITER_BYTES, 1)
        return self._writer

    def _opened(self) -> tantivy.Index:
        with self._lock, self._reported():
            if self._index is None:
                self._index = self._open()
            return self._index

    def _open(self) -> tantivy.Index:
        import tantivy

        empty = not self._folder.is_dir() or not any(
            path for path in self._folder.iterdir() if not path.name.endswith(".lock")
        )
        if empty and not self._read_only:
            self._folder.mkdir(parents=True, exist_ok=True)
            index = tantivy.Index(build_schema(), str(self._folder))
        else:
            self._check()
            index = tantivy.Index.open(str(self._folder))
        index.config_reader("manual")
        index.reload()
        return index

    def _check(self) -> None:
        """Compare files that were not checked yet. Merges of a writing process may remove files meanwhile."""
        for attempt in range(_ATTEMPTS):
            self._stamp = integrity.stamp(self._folder)
            files = integrity.segment_files(self._folder)
            found = [problem for path in files if path.name not in self._checked if (problem := integrity.damage(path))]
            if not found:
                self._checked = {path.name for path in files}
                return
            if attempt == _ATTEMPTS - 1 or integrity.stamp(self._folder) == self._stamp:
                raise IndexUnavailableError(_sentence(self._folder, found[0]))

    def _scope_query(
        self, searcher: tantivy.Searcher, builder: QueryBuilder, documents: SizedCollection[str] | None
    ) -> tantivy.Query | None:
        """The documents as a filter, None when they are all; kept, as one search asks for its scope several times."""
        if documents is None:
            return None
        wanted = documents if isinstance(documents, frozenset) else frozenset(documents)
        last = self._scope
        if last is None or last[0] != builder.generation or (last[1] is not wanted and last[1] != wanted):
            scope: tantivy.Query | None = builder.any_of("document_id", wanted)
            if len(wanted) >= _LARGE_SCOPE and searcher.search(scope, 1).count == searcher.num_docs:
                scope = None
            self._scope = last = (builder.generation, wanted, scope)
        return last[2]

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn what tantivy raises into a sentence; its panics do not even derive from `Exception`."""
        try:
            yield
        except CortexError:
            raise
        except FileNotFoundError as error:
            name = Path(error.filename).name if error.filename else "a file"
            raise IndexUnavailableError(_sentence(self._folder, f"{name} is missing")) from error
        except (ValueError, OSError, RuntimeError) as error:
            if "LockBusy" in str(error):
                raise LibraryLockedError(
                    f"The lexical index in {self._folder} is being written by another process. "
                    "Let that process end, or let it do the work."
                ) from error
            raise IndexUnavailableError(_sentence(self._folder, str(error).splitlines()[0])) from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise IndexUnavailableError(_sentence(self._folder, f"tantivy failed: {error}")) from error


def _sentence(folder: Path, problem: str) -> str:
    return f"The lexical index in {folder} cannot be used: {problem}. Run `cortex rebuild` to make it again."


def _chunk_id(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> str:
    chunk_id: str = searcher.doc(address).get_first("chunk_id")
    return chunk_id


def _best(searcher: tantivy.Searcher, query: tantivy.Query, top_k: int) -> list[ScoredChunk]:
    """The best hits; looks beyond `top_k` as long as scores are equal there, so that ties fall by chunk id."""
    limit = top_k + _EXTRA_FOR_TIES
    while True:
        hits = searcher.search(query, limit, count=False).hits
        if len(hits) < limit or hits[-1][0] != hits[top_k - 1][0]:
            break
        limit *= 4
    if len(hits) > top_k:
        last = hits[top_k - 1][0]
        hits = [hit for hit in hits if hit[0] >= last]
    scored = [ScoredChunk(_chunk_id(searcher, address), score) for score, address in hits]
    scored.sort(key=lambda chunk: (-chunk.score, chunk.chunk_id))
    return scored[:top_k]
