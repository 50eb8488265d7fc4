"""GraphRAG beside Hybrid: multi-hop questions, ordinary data sets, and milliseconds with 100,000 passages and 60,000 entities.

    python scripts/benchmark_graph.py [--data FOLDER] [--parts multihop ordinary speed] [--passages N] [--entities N]

Writes docs/benchmarks/graph.md (only where all parts ran, for the full numbers).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import benchmark_search as speed
import make_multihop
import numpy as np
from reporting import DATA, PAGES, Page

from cortex_engine import searching
from cortex_engine.config import load_config
from cortex_engine.core.documents import Chunk
from cortex_engine.core.graph import DocumentGraph, ExtractedEntity, Mention, Relation, RelationKind
from cortex_engine.core.search import Query, SearchMode, SearchResult
from cortex_engine.evaluation.datasets import read_dataset
from cortex_engine.evaluation.harness import without_operators
from cortex_engine.evaluation.metrics import BOOTSTRAP_SAMPLES
from cortex_engine.library import Library
from cortex_engine.measuring import evaluation_library

SETS = ("cacm", "npl", "xquad-en", "xquad-de", "xquad-zh", "xquad-de-to-en")
MODES = (SearchMode.TRADITIONAL, SearchMode.LEXICAL, SearchMode.HYBRID, SearchMode.GRAPHRAG)
NDCG, MOST_LOST = "ndcg@10", 0.005
DEPTH = 5
ENTITIES, PER_PASSAGE, GOAL_MS = 60_000, 8, 150
BUDGETS_MS = {SearchMode.TRADITIONAL: 600, SearchMode.HYBRID: 1_500, SearchMode.GRAPHRAG: 1_500}
"""What the mission allows one search (S2-K13)."""

Goals = list[tuple[str, bool, str]]


def multihop(data: Path, page: Page) -> Goals:
    """Both documents among the first five, in every mode, on the half that nothing was tuned on, and on the other."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "multihop"
        kinds = {each.id: each.kind for each in make_multihop.make(data, folder)}
        found: dict[SearchMode, dict[str, Sequence[str]]] = {mode: {} for mode in MODES}
        splits = {name: read_dataset(folder, name).judgements for name in ("tune", "test")}
        halves = [(folder / "qrels" / f"{name}.tsv").read_text(encoding="utf-8") for name in splits]
        # The harness asks all of them; the second half without its heading.
        (folder / "qrels" / "test.tsv").write_text(halves[0] + halves[1].partition("\n")[2], encoding="utf-8")
        of_text: dict[str, list[str]] = {}
        for key, text in read_dataset(folder).queries.items():
            of_text.setdefault(without_operators(text), []).append(key)

        def told(result: SearchResult) -> None:
            documents = list(dict.fromkeys(hit.document for hit in result.hits))[:DEPTH]
            found[result.query.mode].update(dict.fromkeys(of_text[result.query.text], documents))

        with evaluation_library(load_config(), folder, lambda text: print(text, file=sys.stderr)) as ask:
            ask(MODES, {}, told)
    page.add("## Multi-hop questions", "", *_MULTIHOP_NOTE, "")
    rows: list[tuple[object, ...]] = []
    goals: Goals = []
    for name, judgements in splits.items():
        alone = (SearchMode.TRADITIONAL, SearchMode.LEXICAL)
        share = {m: {key: _share(found[m][key], judgements[key]) for key in judgements} for m in MODES}
        groups = {
            "all": list(judgements),
            **{kind: [key for key in judgements if kinds[key] == kind] for kind in ("composed", "follow-up")},
            "neither recaller alone": [key for key in judgements if max(share[m][key] for m in alone) < 1],
        }
        for group, keys in groups.items():
            both = {m: np.array([share[m][key] == 1 for key in keys], float) for m in MODES}
            part = {m: float(np.mean([share[m][key] for key in keys])) for m in MODES}
            low, high = gain(both[SearchMode.GRAPHRAG] - both[SearchMode.HYBRID])
            difference = float((both[SearchMode.GRAPHRAG] - both[SearchMode.HYBRID]).mean())
            cells = [f"{both[m].mean():.3f} ({part[m]:.3f})" for m in MODES]
            gained = f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"
            rows.append((name, group, len(keys), *cells, gained))
            if name == "test" and group in ("all", "neither recaller alone"):
                goals.append((f"multi-hop, {group}: GraphRAG above Hybrid beyond chance", low > 0, gained))
    page.table(["half", "questions", "count", *MODES, "GraphRAG − Hybrid"], rows)
    return goals


_MULTIHOP_NOTE = (
    "Both documents among the first five; in brackets the share of the two that is found. The last column: the difference, with",
    "its 95 % bootstrap interval. *tune* is the half that the constants were chosen on, *test* the other one, of other articles.",
    "*composed*: two questions made one, the name that they share taken out. *follow-up*: what else is told of something that is",
    "described, not named. *neither recaller alone*: those that neither Traditional nor Words answers.",
)


def _share(ranking: Sequence[str], judgements: Mapping[str, int]) -> float:
    return len(set(ranking) & judgements.keys()) / len(judgements)


def gain(differences: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    generator = np.random.default_rng(11)
    picked = generator.integers(0, len(differences), (BOOTSTRAP_SAMPLES, len(differences)))
    low, high = np.percentile(differences[picked].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def ordinary(data: Path, page: Page) -> Goals:
    """nDCG@10 of GraphRAG and Hybrid on data sets whose questions have one hop."""
    rows, goals = [], []
    for name in SETS:
        folder = data / "retrieval" / name
        with evaluation_library(load_config(), folder, lambda text: print(text, file=sys.stderr)) as ask:
            report = ask((SearchMode.HYBRID, SearchMode.GRAPHRAG), {})
        hybrid, graph = (report.modes[mode.value].metrics[NDCG] for mode in (SearchMode.HYBRID, SearchMode.GRAPHRAG))
        change = graph.value - hybrid.value
        rows.append((name, report.queries, f"{hybrid.value:.4f}", f"{graph.value:.4f}", f"{change:+.4f}"))
        goals.append((f"{name}: GraphRAG loses at most {MOST_LOST} {NDCG}", change >= -MOST_LOST, f"{change:+.4f}"))
    page.add(
        "## Ordinary collections", "", f"{NDCG}; one library each, names read by the rules, nothing downloaded.", ""
    )
    page.table(["set", "questions", "Hybrid", "GraphRAG", "difference"], rows)
    return goals


def worlds_graph(passages: Sequence[Chunk], entities: int, generator: np.random.Generator) -> DocumentGraph:
    """Names for one document: few are frequent, most are rare, as in real collections (Zipf, exponent 1).

    The passages' texts do not matter for the walk; mentions stand at their beginnings.
    """
    mentions, relations = [], []
    for passage in passages:
        ranks = np.exp(generator.uniform(0, np.log(entities), PER_PASSAGE)).astype(int)
        names = sorted({f"Entity {rank}" for rank in ranks.tolist()})
        start = passage.char_start
        mentions += [Mention(name, passage.id, start, start + 1, passage.text[:1]) for name in names]
        relations += [
            Relation(one, other, RelationKind.TOGETHER, passage.id, start, start + 1) for one, other in pairwise(names)
        ]
    known = tuple(ExtractedEntity(name) for name in sorted({mention.name for mention in mentions}))
    return DocumentGraph(known, tuple(mentions), tuple(relations))


def fill_graph(library: Library, entities: int) -> None:
    """A graph over all documents, kept as an extractor's would be; every entity is named at least once."""
    generator = np.random.default_rng(5)
    fingerprint, number = library.extractor.fingerprint, 0
    while waiting := library.catalog.ungraphed(fingerprint, 200):
        for document in waiting:
            chunks = [
                Chunk(each.chunk_id, document.document_id, 0, each.text, each.char_start, each.char_start, 1, 1)
                for each in document.chunks
            ]
            graph = worlds_graph(chunks, entities, generator)
            missing = [f"Entity {rank}" for rank in range(number, min(number + 2 * len(chunks), entities))]
            number += len(missing)
            more = tuple(
                Mention(name, chunks[place % len(chunks)].id, *_first(chunks[place % len(chunks)]))
                for place, name in enumerate(missing)
            )
            names = {each.name for each in graph.entities} | set(missing)
            known = tuple(ExtractedEntity(name) for name in sorted(names))
            library.catalog.keep_graph(
                document.document_id, fingerprint, DocumentGraph(known, (*graph.mentions, *more), graph.relations)
            )


def _first(chunk: Chunk) -> tuple[int, int, str]:
    return chunk.char_start, chunk.char_start + 1, chunk.text[:1]


def fast(data: Path, options: argparse.Namespace, page: Page) -> Goals:
    """Warm searches in one library, one mode after the other."""
    texts = list(speed.passages(data, options.passages))
    questions = speed.records(data, "queries", ("text",))
    questions = random.Random(5).sample(questions, min(speed.QUESTIONS, len(questions)))
    # Half of them name entities too, so that the walk begins at names as well.
    named = [f"{text} Entity {7 * place + 20}" if place % 2 else text for place, text in enumerate(questions)]
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(Path(folder), {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_VECTOR_STORE": options.store}).config
        library = Library(config, "benchmark")
        try:
            library.own()
            speed.fill(library, texts, min(options.real, len(texts)))
            library.settle()
            fill_graph(library, options.entities)
            begun = time.perf_counter()
            view = library.graph.view()
            made = time.perf_counter() - begun
            if view is None:
                raise SystemExit(library.graph.state())
            took = {mode: _ask(library, named, mode) for mode in BUDGETS_MS}
            page.add("## Milliseconds", "")
            page.add(
                f"{options.passages:,} passages, {len(view.rows.entity_ids):,} entities, {view.mentions.nnz:,} mentions,",
                f"{view.relations.nnz // 2:,} relations (made up: few names are frequent, most are rare); real vectors and",
                f"mixtures as in search.md; vector store {options.store}. The view of the graph was made in {made:.1f} s, off",
                f"the query path. {len(named)} questions, every second one names an entity; 10 results.",
                "",
            )
            names = sorted({stage for stages in took.values() for stage in stages}, key=("whole", "CPU time").count)
            rows = [[name, *(_cell(stages.get(name)) for stages in took.values())] for name in names]
            page.table(["stage: p50 / p95 ms", *(mode.value for mode in took)], rows)
        finally:
            library.close()
    reached, work = (speed.p95(took[SearchMode.GRAPHRAG][name]) for name in ("whole", "CPU time"))
    goal = f"GraphRAG, warm, {options.passages:,} passages, {options.entities:,} entities: p95 at most {GOAL_MS} ms"
    budgets = [
        (f"{mode.value}: p95 within the mission's budget of {most:,} ms", reached <= most, f"{reached:.1f} ms")
        for mode, most in BUDGETS_MS.items()
        for reached in [speed.p95(took[mode]["whole"])]
    ]
    return [(goal, reached <= GOAL_MS, f"{reached:.1f} ms ({work:.1f} ms of CPU time)"), *budgets]


def _ask(library: Library, questions: list[str], mode: SearchMode) -> dict[str, list[float]]:
    stages: dict[str, list[float]] = {}
    for number, question in enumerate([*questions[:10], *questions]):
        begun, work = time.perf_counter(), time.process_time()
        result = searching.search(library, Query(question, mode))
        whole, work = (time.perf_counter() - begun) * 1000, (time.process_time() - work) * 1000
        if result.degraded:
            raise SystemExit(f"The search was degraded: {' '.join(result.warnings)}")
        if number >= 10:  # the first ones warm up
            for stage, value in {**result.timings_ms, "whole": whole, "CPU time": work}.items():
                stages.setdefault(stage, []).append(value)
    stages.pop("total")
    return stages


def _cell(values: list[float] | None) -> str:
    return f"{np.median(values):.1f} / {speed.p95(values):.1f}" if values else ""


PARTS = ("multihop", "ordinary", "speed")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--passages", type=int, default=speed.FULL)
    parser.add_argument("--entities", type=int, default=ENTITIES)
    parser.add_argument("--real", type=int, default=5_000, help="passages whose vectors the model computes")
    parser.add_argument("--store", default="exact", choices=["exact", "chroma"])
    options = parser.parse_args()
    page = Page("GraphRAG beside Hybrid", f"python scripts/benchmark_graph.py --real {options.real}")
    page.add("What is measured and why it is built so: docs/explanation/graphrag.md.", "")
    goals: Goals = []
    if "multihop" in options.parts:
        goals += multihop(options.data, page)
    if "ordinary" in options.parts:
        goals += ordinary(options.data, page)
    if "speed" in options.parts:
        goals += fast(options.data, options, page)
    page.add("## Goals", "")
    page.goals(goals)
    if set(options.parts) == set(PARTS) and options.passages >= speed.FULL and options.entities >= ENTITIES:
        page.write(PAGES / "graph.md")


if __name__ == "__main__":
    main()
