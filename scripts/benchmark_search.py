"""Milliseconds of a hybrid search, warm, in process, stage by stage, in a library of 100,000 passages.

    python scripts/benchmark_search.py [--data FOLDER] [--passages N] [--real N] [--stores exact chroma]

Writes docs/benchmarks/search.md (only for the full number of passages).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reporting import DATA, PAGES, Page

from cortex_engine import searching
from cortex_engine.config import load_config
from cortex_engine.core import identifiers
from cortex_engine.core.documents import Chunk, DocumentInfo, PageState, ParsedDocument
from cortex_engine.core.documents import Page as DocumentPage
from cortex_engine.core.records import PreparedDocument
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.library import Library

COLLECTION = "Benchmark"
FULL = 100_000
PER_DOCUMENT = 20
QUESTIONS = 200
GOAL_MS = 60
LONG_ENOUGH = 700


def records(folder: Path, name: str, fields: tuple[str, ...]) -> list[str]:
    """Texts of a JSON-lines file of the English sets."""
    found = []
    for dataset in ("cacm", "npl", "xquad-en"):
        with (folder / "retrieval" / dataset / f"{name}.jsonl").open(encoding="utf-8") as lines:
            read = [json.loads(line) for line in lines]
        found += ["\n".join(filter(None, (each.get(field, "") for field in fields))) for each in read]
    return [text for text in found if text.strip()]


def passages(data: Path, count: int) -> Iterator[str]:
    """The sentences of all texts in changing order, joined to passages of 700 characters and more."""
    texts = records(data, "corpus", ("title", "text"))
    sentences = [part for text in texts for part in re.split(r"(?<=[.?!])\s+|\n\n", text) if len(part) > 20]
    generator, passage = random.Random(7), ""
    while count:
        generator.shuffle(sentences)
        for sentence in sentences:
            passage += sentence + " "
            if len(passage) > LONG_ENOUGH:
                yield passage.strip()
                passage, count = "", count - 1
                if not count:
                    return


def vectors_of(real: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The real vectors, then mixtures of two of them with a little noise."""
    generator = np.random.default_rng(3)
    left, right = (real[generator.integers(0, len(real), count - len(real))] for _ in range(2))
    share = generator.uniform(0.5, 1.0, (len(left), 1)).astype(np.float32)
    mixed = share * left + (1 - share) * right + 0.01 * generator.standard_normal(left.shape, np.float32)
    return np.vstack([real, mixed / np.linalg.norm(mixed, axis=1, keepdims=True)])


def fill(library: Library, texts: list[str], real: int) -> None:
    """Documents of 20 passages, written through the catalog like any other."""
    collection = library.collection(COLLECTION)
    embedder, spec = library.embedder(collection.spec), collection.spec
    first = [text[:LONG_ENOUGH] for text in texts[:real]]
    values = vectors_of(
        np.vstack([embedder.embed_documents(first[at : at + 512]) for at in range(0, real, 512)]), len(texts)
    )
    batch: list[PreparedDocument] = []
    for start in range(0, len(texts), PER_DOCUMENT):
        own = texts[start : start + PER_DOCUMENT]
        batch.append(_document(start, own, {spec.id: values[start : start + len(own)]}))
        if len(batch) == 50 or start + PER_DOCUMENT >= len(texts):
            library.catalog.commit_many(batch, COLLECTION)
            batch = []


def _document(number: int, texts: list[str], vectors: dict[str, NDArray[np.float32]]) -> PreparedDocument:
    whole, name = "\n".join(texts), f"document-{number:06}.txt"
    sha256 = identifiers.text_hash(f"{name}\x00{whole}")
    key, chunks, position = identifiers.document_id(sha256), [], 0
    for ordinal, text in enumerate(texts):
        end = position + len(text)
        chunk_id = identifiers.chunk_id(key, position, end, text)
        chunks.append(Chunk(chunk_id, key, ordinal, text, position, end, 1, 1, tokens=len(text) // 5))
        position = end + 1
    page = DocumentPage(1, whole, PageState.TEXT)
    parsed = ParsedDocument(DocumentInfo("text", title=name, language="en"), (page,), ())
    return PreparedDocument(sha256, name, len(whole), parsed, chunks, vectors, "benchmark")


def ask(library: Library, questions: list[str], query: dict[str, Any], door: str = "") -> dict[str, list[float]]:
    """Milliseconds of each stage, of the whole search as its caller sees it ("whole"), and what is left ("rest").

    `door`: given, the flight recorder keeps each search.
    """
    for question in questions[:10]:
        searching.search(library, Query(question, **query))
    stages: dict[str, list[float]] = {}
    for question in questions:
        begun, work = time.perf_counter(), time.process_time()
        result = searching.search(library, Query(question, **query), door)
        whole, work = (time.perf_counter() - begun) * 1000, (time.process_time() - work) * 1000
        if result.degraded:
            raise SystemExit(f"The search was degraded: {' '.join(result.warnings)}")
        timings = result.timings_ms
        for stage, value in timings.items():
            if stage != "total":
                stages.setdefault(stage, []).append(value)
        stages.setdefault("rest", []).append(whole - timings["total"])
        stages.setdefault("whole", []).append(whole)
        stages.setdefault("whole, CPU time", []).append(work)
    return stages


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return float(np.percentile(values, 95))


def measure(data: Path, options: argparse.Namespace, page: Page) -> list[tuple[str, bool, str]]:
    """Fill one library, ask it with each store; returns the goals."""
    texts = list(passages(data, options.passages))
    questions = records(data, "queries", ("text",))
    questions = random.Random(5).sample(questions, min(QUESTIONS, len(questions)))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_config(Path(folder), {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_VECTOR_STORE": "exact"})
        library = Library(loaded.config, "benchmark")
        try:
            library.own()
            fill(library, texts, min(options.real, len(texts)))
            for store in options.stores:
                library.config = loaded.config.model_copy(update={"vector_store": store})
                begun, work = time.perf_counter(), time.process_time()
                library.settle()
                wall, work = time.perf_counter() - begun, time.process_time() - work
                page.add(f"## Store: {store}", "", f"Building its indexes: {wall:.0f} s ({work:.0f} CPU-s).", "")
                columns = {
                    "hybrid": ask(library, questions, {}),
                    "hybrid, recorded": ask(library, questions, {}, "benchmark"),
                    "hybrid, grouped": ask(library, questions, {"group": True}),
                    "hybrid, one type": ask(library, questions, {"filters": Filters(types=("text",))}),
                    "traditional": ask(library, questions, {"mode": SearchMode.TRADITIONAL}),
                    "lexical": ask(library, questions, {"mode": SearchMode.LEXICAL}),
                }
                names = list(dict.fromkeys(stage for stages in columns.values() for stage in stages))
                names.sort(key=("rest", "whole", "whole, CPU time").count)
                rows = [[name, *(_cell(stages.get(name)) for stages in columns.values())] for name in names]
                page.table(["stage: p50 / p95 ms", *columns], rows)
                reached, work = p95(columns["hybrid"]["whole"]), p95(columns["hybrid"]["whole, CPU time"])
                goal = f"hybrid, warm, {options.passages:,} passages, store {store}: p95 under {GOAL_MS} ms"
                found.append((goal, reached < GOAL_MS, f"{reached:.1f} ms ({work:.1f} ms of CPU time)"))
        finally:
            library.close()
    return found


def _cell(values: list[float] | None) -> str:
    return f"{statistics.median(values):.1f} / {p95(values):.1f}" if values else ""


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--passages", type=int, default=FULL)
    parser.add_argument("--real", type=int, default=5_000, help="passages whose vectors the model computes")
    parser.add_argument("--stores", nargs="+", default=["exact", "chroma"], choices=["exact", "chroma"])
    options = parser.parse_args()
    page = Page("Search, warm, in process", f"python scripts/benchmark_search.py --real {options.real}")
    page.add(
        f"{options.passages:,} passages in documents of {PER_DOCUMENT}: sentences of cacm, npl and xquad-en in changing order,",
        f"700 characters and more each. Vectors: MiniLM's for the first {options.real:,}; the others are **mixtures of two of",
        f"those with noise**, since only time is measured here. {QUESTIONS} real questions of the sets, 10 results, 200",
        "candidates of each recaller. Within one search the stages follow one another.",
        "",
    )
    goals = measure(options.data, options, page)
    page.goals(goals)
    if options.passages >= FULL:
        page.write(PAGES / "search.md")


if __name__ == "__main__":
    main()
