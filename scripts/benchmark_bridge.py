"""What a bridge between two embedding spaces finds, and what words alone find: writes docs/benchmarks/bridge.md.

python scripts/benchmark_bridge.py ../shared/data/retrieval
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.embedding.packaged import PackagedEmbedder
from cortex_engine.evaluation.datasets import read_dataset
from cortex_engine.retrieval.bridge import procrustes, recall_at, ridge

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks" / "bridge.md"
SETS = ("cacm", "npl")
PAIRS = 1000
CHARACTERS = 500
Floats = NDArray[np.float32]


def units(vectors: Floats) -> Floats:
    """Of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def pairs(texts: list[str], folder: Path) -> Iterator[tuple[str, Floats, Floats]]:
    """(name, vectors from, vectors to)."""
    dice = np.random.default_rng(0)
    packaged = PackagedEmbedder(folder)
    meaning = packaged.embed_documents(texts)
    words = HashingEmbedder().embed_documents(texts)
    wide = HashingEmbedder(4096).embed_documents(texts)
    wide -= wide.mean(axis=0)
    latent = units(wide @ np.linalg.svd(wide, full_matrices=False)[2][:200].T)
    turn = np.linalg.qr(dice.normal(size=(384, 384)))[0]
    for noise in (0.03, 0.06):
        turned = units((meaning @ turn + noise * dice.normal(size=meaning.shape)).astype(np.float32))
        yield f"MiniLM turned, noise {noise:.0%} a number → MiniLM", turned, meaning
    halves = packaged.embed_documents([text[: len(text) // 2] for text in texts])
    yield "MiniLM of half of each text → MiniLM", halves, meaning
    yield "LSA of 200 dimensions → MiniLM", latent, meaning
    yield "hashed words → MiniLM", words, meaning
    yield "MiniLM → hashed words", meaning, words


def by_words(texts: list[str], target: Floats, held: NDArray[np.bool_]) -> float:
    """Share of the ten nearest in the target space that words alone find."""
    bags, shares = HashingEmbedder(4096).embed_documents(texts), []
    for row in np.flatnonzero(held):
        true, found = (np.argsort(-np.delete(space @ space[row], row))[:10] for space in (target, bags))
        shares.append(len(set(true) & set(found)) / 10)
    return float(np.mean(shares))


def main() -> None:
    """Measure and write the page."""
    root = Path(sys.argv[1])
    lines = ["| set | from → to | Procrustes | ridge | words alone |", "| --- | --- | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            corpus = [f"{title} {text}".strip()[:CHARACTERS] for _, title, text in read_dataset(root / name).corpus()]
            texts = corpus[:: max(1, len(corpus) // PAIRS)][:PAIRS]
            for label, source, target in pairs(texts, Path(folder)):
                held = np.arange(len(texts)) % 5 == 0
                found = [
                    recall_at(solve(source[~held], target[~held]), source[held], target)
                    for solve in (procrustes, ridge)
                ]
                cells = [name, label, *(f"{each:.2f}" for each in (*found, by_words(texts, target, held)))]
                lines.append(f"| {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    before, mark, _ = PAGE.read_text(encoding="utf-8").partition("<!-- figures -->")
    PAGE.write_text(f"{before}{mark}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
