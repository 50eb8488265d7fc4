"""Tokens per CPU-second of the packaged embedder beside plain sentence-transformers, in one run, and how far they agree.

    python scripts/benchmark_embedding.py --data ../shared/data --write docs/benchmarks/embedding.md

CPU-seconds are those of the whole process with one thread. Rounds of all paths alternate, so that a busy machine burdens
them alike; the best round of each counts. Lengths are counted without padding.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reporting import DATA, PAGES, processor

from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.embedding.bfloat16_bert import processor_multiplies_bfloat16
from cortex_engine.embedding.minilm import model_folder
from cortex_engine.embedding.packaged import PackagedEmbedder

Embed = Callable[[list[str]], NDArray[np.float32]]
SETS = ("xquad-en", "xquad-de", "npl", "cacm")
COMMAND = (
    "OMP_NUM_THREADS=1 python scripts/benchmark_embedding.py --data ../shared/data --count {count} "
    "--write docs/benchmarks/embedding.md"
)


def passages(data: Path, count: int) -> list[str]:
    """Real paragraphs and abstracts, a share of each set."""
    texts: list[str] = []
    for name in SETS:
        with (data / "retrieval" / name / "corpus.jsonl").open(encoding="utf-8") as lines:
            found = [json.loads(line)["text"] for line in lines]
        texts += [text for text in found if text.strip()][: count // len(SETS)]
    return texts


def cut_to(tokens: int, texts: list[str], embedder: PackagedEmbedder, count: int) -> list[str]:
    """Texts of exactly `tokens` tokens, made of words of the passages."""
    words = " ".join(texts).split()
    cut: list[str] = []
    start = 0
    while len(cut) < count and start + tokens < len(words):
        size = tokens
        while embedder.tokenizer.lengths([" ".join(words[start : start + size])])[0] > tokens:
            size -= 1
        text = " ".join(words[start : start + size])
        missing = tokens - embedder.tokenizer.lengths([text])[0]
        cut.append(text + " ." * missing)
        start += size
    return cut


def measure(paths: dict[str, Embed], texts: list[str], rounds: int) -> tuple[dict[str, float], dict[str, NDArray]]:
    """Best CPU-seconds and the vectors of each path."""
    best = dict.fromkeys(paths, float("inf"))
    vectors: dict[str, NDArray] = {}
    for _ in range(rounds):
        for name, embed in paths.items():
            start = time.process_time()
            vectors[name] = embed(texts)
            best[name] = min(best[name], time.process_time() - start)
    return best, vectors


def table(title: str, paths: dict[str, Embed], texts: list[str], tokens: int, rounds: int) -> list[str]:
    """Markdown of one comparison; the first path is the reference."""
    best, vectors = measure(paths, texts, rounds)
    reference = next(iter(paths))
    lines = [f"### {title}", "", f"{len(texts)} texts, {tokens} tokens", ""]
    lines += ["| path | tokens per CPU-s | ratio | cosine: least | mean |", "|---|---|---|---|---|"]
    for name in paths:
        cosine = (vectors[name] * vectors[reference]).sum(1)
        ratio = best[reference] / best[name]
        lines.append(
            f"| {name} | {tokens / best[name]:,.0f} | {ratio:.2f} | {cosine.min():.6f} | {cosine.mean():.6f} |"
        )
    return [*lines, ""]


def queries(paths: dict[str, Callable[[str], object]]) -> list[str]:
    """Milliseconds of one short question, warm: median of 200 interleaved calls."""
    times: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(200):
        for name, embed in paths.items():
            start = time.perf_counter()
            embed("when was the march invoice paid")
            times[name].append(1000 * (time.perf_counter() - start))
    lines = ["### One query", "", "| path | median ms |", "|---|---|"]
    return [*lines, *(f"| {name} | {np.median(values):.2f} |" for name, values in times.items()), ""]


def main() -> None:
    """Run, print and write the page."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, default=DATA)
    arguments.add_argument("--count", type=int, default=160)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--write", type=Path, default=PAGES / "embedding.md", help="page to write")
    options = arguments.parse_args()

    import torch

    ensure_torchvision()
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        float32 = PackagedEmbedder(Path(folder), threads=1, precision="float32")
        bfloat16 = PackagedEmbedder(Path(folder), threads=1, precision="bfloat16")
        plain = SentenceTransformer(str(model_folder()), device="cpu")
        texts = passages(options.data, options.count)
        texts = [text for text, size in zip(texts, float32.tokenizer.lengths(texts), strict=True) if size <= 256]
        fixed = cut_to(128, texts, float32, min(96, options.count // 4))
        paths: dict[str, Embed] = {
            "sentence-transformers, torch float32, its defaults": lambda batch: plain.encode(
                batch, show_progress_bar=False
            ),
            "packaged, onnxruntime float32": float32.embed_documents,
            "packaged, torch bfloat16": bfloat16.embed_documents,
        }
        for embed in paths.values():
            embed(texts[:32])
        lines = [
            "# Embedding",
            "",
            f"{processor()}, {os.cpu_count()} processors, one thread used; bfloat16 instructions: "
            f"{'yes' if processor_multiplies_bfloat16() else 'no'}. Made by:",
            "",
            f"    {COMMAND.format(count=options.count)}",
            "",
        ]
        lines += ["The ratios count, not the absolute figures: the machine was shared.", ""]
        lines += table("128 tokens each", paths, fixed, sum(float32.tokenizer.lengths(fixed)), options.rounds)
        lines += table("Real passages", paths, texts, sum(float32.tokenizer.lengths(texts)), options.rounds)
        lines += queries(
            {
                "sentence-transformers": lambda q: plain.encode(q, show_progress_bar=False),
                "packaged": float32.embed_query,
            }
        )
    text = "\n".join(lines)
    sys.stdout.write(text)
    options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
