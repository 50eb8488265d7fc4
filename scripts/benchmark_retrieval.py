"""Quality of retrieval on the data sets in BEIR layout, in every mode and with plain reciprocal rank fusion beside.

    python scripts/benchmark_retrieval.py [--data FOLDER] [--sets NAME…]

Writes docs/benchmarks/retrieval.md (only where all sets were asked).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from reporting import DATA, PAGES, Page

from cortex_engine.config import load_config
from cortex_engine.core.reports import Estimate, EvaluationReport, ModeReport
from cortex_engine.core.search import SearchMode
from cortex_engine.measuring import evaluation_library

SETS = ("cacm", "npl", "xquad-en", "xquad-de", "xquad-zh", "xquad-de-to-en")
NDCG = "ndcg@10"
RRF = "plain RRF"
LEAST_HYBRID = {"cacm": 0.58, "npl": 0.50, "xquad-en": 0.99, "xquad-de-to-en": 0.70}
LEAST_LEXICAL = {"xquad-de": 0.95, "xquad-zh": 0.95}
LEAST_GAIN = 0.05

Figures = dict[str, dict[str, ModeReport]]


def ask(folder: Path) -> tuple[EvaluationReport, dict[str, ModeReport], float]:
    """The corpus goes in once; all modes and plain RRF are asked on it. Also the seconds of taking it in."""
    begun = time.perf_counter()
    with evaluation_library(load_config(), folder, lambda text: print(f"{folder.name}: {text}", file=sys.stderr)) as on:
        seconds = time.perf_counter() - begun
        report = on(tuple(SearchMode), {})
        plain = on((SearchMode.HYBRID,), {"fusion": "reciprocal_rank"})
    return report, {**report.modes, RRF: plain.modes[SearchMode.HYBRID.value]}, seconds


def goals(figures: Figures) -> list[tuple[str, bool, str]]:
    """The lines of acceptance, for the sets that were asked."""
    value = {name: {mode: each.metrics[NDCG].value for mode, each in modes.items()} for name, modes in figures.items()}
    found = []
    for name, modes in value.items():
        best = max(modes["traditional"], modes["lexical"])
        line = f"{name}: hybrid at least the better of traditional and lexical"
        found.append((line, modes["hybrid"] >= best, f"{modes['hybrid']:.4f} to {best:.4f}"))
    gain = statistics.fmean(modes["hybrid"] - modes[RRF] for modes in value.values())
    found.append((f"at least {LEAST_GAIN} above plain RRF on the mean", gain >= LEAST_GAIN, f"{gain:+.4f}"))
    for mode, least in (("hybrid", LEAST_HYBRID), ("lexical", LEAST_LEXICAL)):
        for name, goal in least.items():
            if name in value:
                reached = value[name][mode]
                found.append((f"{name}: {mode} at least {goal}", reached >= goal, f"{reached:.4f}"))
    return found


def _interval(each: Estimate) -> str:
    return f"{each.value:.3f} ({each.low:.3f}–{each.high:.3f})"


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    options = parser.parse_args()
    page = Page("Quality of retrieval", "python scripts/benchmark_retrieval.py")
    figures: Figures = {}
    rows: list[tuple[object, ...]] = []
    for name in options.sets:
        report, figures[name], seconds = ask(options.data / "retrieval" / name)
        size = f"{report.documents:,} documents, {report.queries} questions, taken in {seconds:.0f} s"
        for mode, each in figures[name].items():
            metrics = (_interval(each.metrics[metric]) for metric in (NDCG, "mrr", "recall@100"))
            rows.append((name, mode, *metrics, f"{each.p50_ms:.1f}", f"{each.p95_ms:.1f}", size))
            size = ""
    page.add(
        "Each corpus goes through chunking, the packaged MiniLM and the commit line into a library of its own; questions",
        "go through the search line that users use, 100 documents asked for. In brackets: 95 % bootstrap intervals.",
        "Fusion sees no judgements; how its constants were chosen is told in docs/explanation/fusion.md.",
        "Plain RRF is the hybrid search with `fusion = reciprocal_rank` (k = 60): the two rankings and nothing else.",
        "",
    )
    page.goals(goals(figures))
    page.table(["set", "mode", "nDCG@10", "MRR", "Recall@100", "p50 ms", "p95 ms", "size"], rows)
    page.add(
        "`cortex evaluate FOLDER --json` gives the same figures for any data set in BEIR layout, with Recall@1, 5, 10, 20.",
    )
    if set(options.sets) == set(SETS):
        page.write(PAGES / "retrieval.md")


if __name__ == "__main__":
    main()
