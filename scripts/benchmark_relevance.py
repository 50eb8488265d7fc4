"""What a calibrated reranker says of questions that are answered, and of some that are not: badges, shares, one scale.

    python scripts/benchmark_relevance.py [--data FOLDER] [--sets NAME…]

Writes docs/benchmarks/relevance.md (only where all sets were asked). The local reranker is asked, which needs no download.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmark_abstention import OFF_TOPIC, english
from reporting import DATA, PAGES, Page

from cortex_engine import calibrating, searching
from cortex_engine.config import load_config
from cortex_engine.core.search import Query
from cortex_engine.evaluation.datasets import read_dataset
from cortex_engine.evaluation.harness import without_operators
from cortex_engine.library import Library
from cortex_engine.measuring import corpus_library
from cortex_ui import standing

SETS = ("xquad-en", "xquad-de", "xquad-zh")
_ASKED = 40
_WORDS = ("Strong", "Good", "Weak")

Row = list[str | float]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    options = parser.parse_args()
    page = Page("Calibrated relevance", "python scripts/benchmark_relevance.py")
    rows, seconds = [], []
    for name in options.sets:
        found, took = measure(options.data / "retrieval" / name)
        rows += [[name, *row] for row in found]
        seconds.append(took)
    page.add(
        f"The first {_ASKED} questions of each set, and as many off-topic ones as there are (50 in English, 20 in German and",
        "Chinese), asked with the local reranker (hybrid, 20 candidates, 5 first). Badges are those of the best hit, calibrated",
        "and by the fixed limits 0.8 and 0.5 of its relevance that hold before that. Share: unrelated pairs below it, median.",
        "",
    )
    page.table(["set", "questions", "asked", "strong, good, weak", "the same, fixed limits", "standard", "share"], rows)
    page.add(
        f"Measuring the reranker, {calibrating.RERANKED} questions with {calibrating.BESIDE + 1} passages each, took "
        f"{min(seconds):.0f} to {max(seconds):.0f} s of CPU time a collection, in the background.",
    )
    if set(options.sets) == set(SETS):
        page.write(PAGES / "relevance.md")


def measure(folder: Path) -> tuple[list[Row], float]:
    """Rows for answered and off-topic questions of one set, and the CPU seconds of measuring its reranker."""
    data = read_dataset(folder)
    language = folder.name.removeprefix("xquad-")
    off = OFF_TOPIC[language].strip().splitlines() if language in OFF_TOPIC else english()
    answered = [without_operators(text) for text in list(data.queries.values())[:_ASKED]]
    loaded = load_config(environ={"CORTEX_RERANKER": "local"})
    with corpus_library(loaded, data, lambda text: print(f"{folder.name}: {text}", file=sys.stderr)) as library:
        calibrating.calibrate(library)
        (state,) = library.catalog.calibration_states()
        reranker = library.reranker()
        assert reranker is not None
        begun = time.process_time()
        for _ in calibrating._calibrate_reranker(library, state, reranker, patient=True):
            pass
        seconds = time.process_time() - begun
        return [_row("answered", library, answered), _row("off-topic", library, off)], seconds


def _row(kind: str, library: Library, questions: Sequence[str]) -> Row:
    results = [searching.search(library, Query(text, rerank=True)) for text in questions]
    results = [each for each in results if each.hits]
    tops = [each.hits[0] for each in results]
    calibrated = _counted([standing.word(each.hits[0], standing.averages(each)) for each in results])
    shares = statistics.median(hit.relevance_share or 0.0 for hit in tops)
    standards = statistics.median(hit.stages["rerank"].standard or 0.0 for hit in tops)
    return [
        *(kind, str(len(results)), calibrated, _counted([standing.word(hit) for hit in tops])),
        *(f"{standards:.1f}", f"{shares:.3f}"),
    ]


def _counted(words: Sequence[str]) -> str:
    counts = Counter(words)
    return ", ".join(str(counts[word]) for word in _WORDS)


if __name__ == "__main__":
    main()
