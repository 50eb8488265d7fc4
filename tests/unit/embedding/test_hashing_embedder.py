"""Hashed words: near where words are shared, and the same everywhere."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cortex_engine.core.errors import UsageError
from cortex_engine.embedding.hashing import HashingEmbedder


def test_shared_words_are_nearer_than_none() -> None:
    embedder = HashingEmbedder()
    documents = embedder.embed_documents(["Bees make honey.", "The invoice of March was paid."])
    assert int(np.argmax(documents @ embedder.embed_query("honey bee"))) == 0
    assert int(np.argmax(documents @ embedder.embed_query("INVOICES in march"))) == 1


def test_another_process_gives_the_same_numbers() -> None:
    program = (
        "from cortex_engine.embedding.hashing import HashingEmbedder\n"
        "print(HashingEmbedder(64).embed_query('Bees make honey').tobytes().hex())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert runs == {HashingEmbedder(64).embed_query("Bees make honey").tobytes().hex()}


@pytest.mark.parametrize("dimension", [2, 7, 256, 1024])
def test_any_dimension(dimension: int) -> None:
    embedder = HashingEmbedder(dimension)
    assert embedder.embed_documents(["a b c", ""]).shape == (2, dimension)
    assert embedder.spec.id != HashingEmbedder(dimension + 1).spec.id


def test_a_dimension_that_holds_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        HashingEmbedder(1)
