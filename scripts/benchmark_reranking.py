"""What the reranker that needs no download ("local") gains over hybrid search, on the data sets in BEIR layout.

    python scripts/benchmark_reranking.py [--data FOLDER]

Writes docs/benchmarks/reranking.md. Each query is searched once and its best 50 documents are judged once; what other
weights and fewer candidates would give is computed from that.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reporting import DATA, PAGES, Page

from cortex_engine.config import load_config
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate
from cortex_engine.core.search import SearchHit, SearchMode, SearchResult
from cortex_engine.embedding.token_vectors import PackagedTokenVectors
from cortex_engine.evaluation.datasets import EvaluationDataset, read_dataset
from cortex_engine.evaluation.metrics import estimate, ndcg
from cortex_engine.measuring import evaluation_library
from cortex_engine.reranking.local import LateInteractionReranker
from cortex_engine.retrieval.function_words import without_function_words

SETS = ("cacm", "npl", "xquad-en", "xquad-de", "xquad-zh", "xquad-de-to-en")
FAMILIES = (("cacm",), ("npl",), SETS[2:])
"""Sets of one origin: the four of XQuAD share questions and passages."""
MOST, USUAL, LEADING = 50, 20, 5
OURS = 4.0
WEIGHTS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
TIMED = 8
DRAWS = 10_000


class KeptVectors(PackagedTokenVectors):
    """Remembers the vectors of each text, as the questions of a set find the same passages again and again."""

    def __init__(self, cache: Path) -> None:
        super().__init__(cache)
        self._kept: dict[str, NDArray[np.float32]] = {}

    def vectors(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """As the model gives them."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._kept]
        self._kept.update(zip(fresh, super().vectors(fresh), strict=True) if fresh else ())
        return [self._kept[text] for text in texts]


@dataclass
class Judged:
    """The hits of one query: documents in the order of the search, priors, and what the reranker finds of the first."""

    documents: list[str]
    priors: NDArray[np.float64]
    matched: NDArray[np.float64]
    judgements: Mapping[str, int]

    def ndcg(self, weight: float, candidates: int, leading: int = MOST) -> float:
        """With the first so many candidates reordered, and the best so many of them in front."""
        count = min(candidates, len(self.matched))
        raw = self.priors[:count] + weight * self.matched[:count]
        first = np.argsort(-raw, kind="stable")[:leading].tolist()
        others = [place for place in range(len(self.documents)) if place not in set(first)]
        return ndcg([self.documents[place] for place in [*first, *others]], self.judgements)


@dataclass
class Measured:
    """One data set: its queries, and milliseconds of reranking by number of candidates."""

    queries: list[Judged] = field(default_factory=list)
    milliseconds: dict[int, float] = field(default_factory=dict)

    def values(self, weight: float, candidates: int, leading: int = MOST) -> NDArray[np.float64]:
        """nDCG@10 of each query."""
        return np.array([query.ndcg(weight, candidates, leading) for query in self.queries])


def candidates_of(hits: Sequence[SearchHit]) -> list[Candidate]:
    """As the search hands them to a reranker (hybrid scores are standard scores)."""
    return [
        Candidate(hit.chunk_id, ModelInput(f"{hit.context}\n{hit.text}" if hit.context else hit.text), hit.score)
        for hit in hits
    ]


def measure(folder: Path, cache: Path) -> Measured:
    """Search, judge, and take the time of some queries without remembering anything."""
    data = read_dataset(folder)
    results: list[SearchResult] = []
    with evaluation_library(load_config(), folder, lambda text: print(f"{folder.name}: {text}", file=sys.stderr)) as on:
        on((SearchMode.HYBRID,), {}, results.append)
    kept = LateInteractionReranker(KeptVectors(cache), without_function_words)
    found = Measured([judged(kept, data, *pair) for pair in zip(asked(data), results, strict=True)])
    plain = LateInteractionReranker(PackagedTokenVectors(cache), without_function_words)
    plain.load()
    for count in (USUAL, MOST):
        taken = []
        for result in results[:: max(len(results) // TIMED, 1)]:
            begun = time.perf_counter()
            plain.rerank(ModelInput(result.query.text), candidates_of(result.hits[:count]))
            taken.append(time.perf_counter() - begun)
        found.milliseconds[count] = float(np.median(taken) * 1000)
    print(f"{folder.name}: {len(results)} queries judged", file=sys.stderr)
    return found


def asked(data: EvaluationDataset) -> list[str]:
    """The queries that the harness asks, in its order."""
    return [query for query in data.queries if any(grade > 0 for grade in data.judgements.get(query, {}).values())]


def judged(reranker: LateInteractionReranker, data: EvaluationDataset, query: str, result: SearchResult) -> Judged:
    """One query's hits with what the reranker alone finds of the first."""
    hits = candidates_of(result.hits[:MOST])
    raw = {each.id: each.raw for each in reranker.rerank(ModelInput(result.query.text), hits)}
    priors = np.array([hit.prior for hit in hits], np.float64)
    matched = (np.array([raw[hit.id] for hit in hits], np.float64) - priors) / OURS
    return Judged([hit.document for hit in result.hits], priors, matched, data.judgements[query])


def chosen_without(gains: Mapping[str, NDArray[np.float64]], left_out: Sequence[str]) -> int:
    """Place of the weight with the best mean on the other sets."""
    return int(np.mean([gain for name, gain in gains.items() if name not in left_out], axis=0).argmax())


def interval(differences: Sequence[NDArray[np.float64]]) -> tuple[float, float, float]:
    """Bootstrap interval of 95 % of the mean over sets, queries drawn within each set; and the share of draws at or below 0."""
    random = np.random.default_rng(0)
    means = np.zeros(DRAWS)
    for each in differences:
        means += each[random.integers(0, len(each), (DRAWS, len(each)))].mean(axis=1) / len(differences)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high), float((means <= 0).mean())


def write(page: Page, sets: Mapping[str, Measured]) -> None:
    """All tables."""
    gains = {
        name: np.array([one.values(weight, USUAL).mean() - one.values(0, USUAL).mean() for weight in WEIGHTS])
        for name, one in sets.items()
    }
    alone = {name: chosen_without(gains, (name,)) for name in sets}
    family = {name: chosen_without(gains, members) for members in FAMILIES for name in members}
    left, far = (float(np.mean([gains[name][chosen[name]] for name in sets])) for chosen in (alone, family))
    page.goals(
        [
            ("mean nDCG@10 above hybrid alone, weight chosen on the other five sets", left > 0, f"{left:+.4f}"),
            ("the same, weight chosen without any set of the same origin", far > 0, f"{far:+.4f}"),
        ]
    )
    write_gains(page, sets)
    page.add("## The weight, chosen without the set it is measured on", "")
    page.table(
        ["set left out", "weight from the other five", "gain", "weight without its family", "gain"],
        [
            (name, *(text for place in (alone[name], family[name]) for text in _chosen(gains[name], place)))
            for name in sets
        ],
    )
    page.add(f"Gain by weight ({USUAL} candidates; ours is {OURS:g}):", "")
    page.table(
        ["set", *(f"{weight:g}" for weight in WEIGHTS[1:])],
        [
            (name, *(f"{gain:+.4f}" for gain in row[1:]))
            for name, row in {**gains, "mean": np.mean(list(gains.values()), axis=0)}.items()
        ],
    )


def write_gains(page: Page, sets: Mapping[str, Measured]) -> None:
    """Each set before and after, and how sure the gain is."""
    rows: list[list[object]] = []
    for name, one in sets.items():
        base, *better = (one.values(*how) for how in _HOW)
        changed = better[0] - base
        counts = f"{(changed > 1e-9).sum()} / {(changed < -1e-9).sum()} of {len(base)}"
        times = [f"{one.milliseconds[count]:.0f}" for count in (USUAL, MOST)]
        rows.append([name, f"{base.mean():.4f}", *(_gain(base, each) for each in better), counts, *times])
    means = [np.mean([one.values(*how).mean() for one in sets.values()]) for how in _HOW]
    rows.append(
        ["mean", f"{means[0]:.4f}", *(f"{each:.4f} ({each - means[0]:+.4f})" for each in means[1:]), "", "", ""]
    )
    ways = [f"local, {USUAL}", f"local, {MOST}", f"local, {USUAL}, leading {LEADING}"]
    page.table(["set", "hybrid", *ways, "better / worse queries", f"ms, {USUAL}", f"ms, {MOST}"], rows)
    for way, how in zip(ways, _HOW[1:], strict=True):
        parts = [one.values(*how) - one.values(*_HOW[0]) for one in sets.values()]
        low, high, share = interval(parts)
        page.add(
            f"{way}: mean gain {np.mean([part.mean() for part in parts]):+.4f}, bootstrap over queries within the sets "
            f"[{low:+.4f} {high:+.4f}] (95 %), {share:.2%} of draws at or below 0.",
            "",
        )


def _chosen(gains: NDArray[np.float64], place: int) -> tuple[str, str]:
    return f"{WEIGHTS[place]:g}", f"{gains[place]:+.4f}"


_HOW = ((0.0, USUAL, MOST), (OURS, USUAL, MOST), (OURS, MOST, MOST), (OURS, USUAL, LEADING))
"""Weight, candidates, how many of them lead."""


def _gain(base: NDArray[np.float64], better: NDArray[np.float64]) -> str:
    found = estimate((better - base).tolist())
    return f"{better.mean():.4f} ({found.value:+.4f} [{found.low:+.4f} {found.high:+.4f}])"


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    page = Page("The local reranker", "python scripts/benchmark_reranking.py")
    with tempfile.TemporaryDirectory(prefix="cortex-rerank-") as cache:
        sets = {name: measure(options.data / "retrieval" / name, Path(cache)) for name in SETS}
    page.add(
        "Hybrid search through the whole line, 100 documents asked for; the best of them are judged by the reranker `local`",
        "(late interaction, see docs/explanation/reranking.md). nDCG@10; in brackets the gain with its bootstrap interval of",
        "95 % over queries. Milliseconds: median of a few queries of the set, reranking alone, all processors.",
        "",
    )
    write(page, sets)
    page.write(PAGES / "reranking.md")


if __name__ == "__main__":
    main()
