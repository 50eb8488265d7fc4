"""The recall certificate on a real Chroma index: what it measures, what it costs, what widening does to an index that loses.

    python scripts/benchmark_recall.py [--data FOLDER]

Writes docs/benchmarks/recall.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reporting import DATA, PAGES, Page

from cortex_engine import calibrating, certifying, searching
from cortex_engine.config import load_config
from cortex_engine.core.search import Query, Ranking, SearchMode
from cortex_engine.evaluation.datasets import read_dataset
from cortex_engine.library import Library
from cortex_engine.measuring import corpus_library

SET = "npl"
ASKED = 300


class Losing:
    """The real store, made poor on purpose: asked for fewer than `wide`, it loses a third of its answer."""

    def __init__(self, store: Any, wide: int) -> None:
        self.store, self.wide = store, wide

    def nearest(self, vector: Any, top_k: int, documents: Any = None) -> Ranking:
        """As the store, without the lost ones."""
        ranking = self.store.nearest(vector, top_k, documents)
        if top_k >= self.wide:
            return Ranking(ranking.stage, ranking.items)
        return Ranking(ranking.stage, tuple(i for i in ranking.items if zlib.crc32(i.chunk_id.encode()) % 3))


def _ask(library: Library, questions: list[str], candidates: int) -> Iterator[tuple[float, float]]:
    """Milliseconds of each search's vector stage, and seconds of its comparison."""
    for text in questions:
        result = searching.search(library, Query(text, SearchMode.TRADITIONAL, top_k=10, candidates=candidates))
        begun = time.perf_counter()
        while certifying.step(library):
            pass
        yield result.timings_ms["vector"], time.perf_counter() - begun


@contextmanager
def _losing(library: Library, wide: int) -> Iterator[None]:
    real = library.large_store
    library.large_store = lambda model_id: Losing(real(model_id), wide)  # type: ignore[method-assign,assignment,return-value]
    yield
    library.large_store = real  # type: ignore[method-assign]


def _forget(library: Library) -> None:
    with library.catalog._database.write() as connection:
        connection.execute("DELETE FROM recall_sample")
    for model_id in library.models():
        library.watch.widen(model_id, 1.0)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    folder = parser.parse_args().data / "retrieval" / SET
    page = Page("The recall certificate", "python scripts/benchmark_recall.py")
    settings = load_config(
        None,
        {
            "CORTEX_VECTOR_STORE": "chroma",
            "CORTEX_EXACT_BELOW": "0",
            "CORTEX_RECALL_SAMPLING": "1",
            "CORTEX_GRAPH": "false",
        },
    )
    rows = []
    with corpus_library(settings, read_dataset(folder), lambda text: print(text, file=sys.stderr)) as library:
        drawn = library.catalog.sample_passages(SET, 600)
        questions = [text for text, _ in calibrating.made_questions([text for _, _, text in drawn], ASKED)]
        passages = library.catalog.passage_count(None)
        for name, candidates, wide in (
            ("Chroma as it is", 10, 0),
            ("Chroma as it is", 200, 0),
            ("loses a third unless asked for 40", 10, 40),
            ("loses a third whatever it is asked for", 10, 10**9),
        ):
            _forget(library)
            with _losing(library, wide):
                took = list(_ask(library, questions, candidates))
            (row,) = certifying.certificates(library)
            samples = library.catalog.recall_samples(row.model_id)
            first = [each for each in samples if each.widening == 1.0]
            before = statistics.fmean(each.found / each.k for each in first) if first else 1.0
            state = "scans all" if not row.widening else f"asks {row.widening:g} times as wide"
            rows.append(
                (
                    name,
                    candidates,
                    f"{before:.3f} over {len(first)}",
                    f"{row.recall:.3f} ({row.low:.3f}–{row.high:.3f})" if row.widening else "exact",
                    state,
                    f"{statistics.median(ms for ms, _ in took[:20]):.2f}",
                    f"{statistics.median(ms for ms, _ in took[-100:]):.2f}",
                    f"{1000 * statistics.median(seconds for _, seconds in took):.1f}",
                )
            )
    page.add(
        f"{passages:,} passages of the set {SET} under the packaged MiniLM in Chroma (HNSW), `exact_below` 0, all sampled;",
        f"{ASKED} questions made from passages, by meaning alone, bound 0.95. Poor indexes are the real one behind a wrapper",
        "that drops passages by the hash of their id. Before: while searches asked for no more than they needed; after: what the",
        "certificate says at the end. The comparison runs in the background thread; a search only hands over its vector and ids.",
        "",
    )
    page.table(
        [
            "index",
            "candidates",
            "recall@10 before",
            "after (95 %)",
            "searches",
            "vector ms, first 20",
            "last 100",
            "comparison ms",
        ],
        rows,
    )
    page.write(PAGES / "recall.md")


if __name__ == "__main__":
    main()
