"""A map from one embedding space into another, and what it is refused for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.retrieval.bridge import LEAST_PAIRS, LEAST_RECALL, Bridges, fit, procrustes, ridge

DICE = np.random.default_rng(11)


def _units(rows: int, columns: int) -> np.ndarray:
    vectors = DICE.normal(size=(rows, columns))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _turned(vectors: np.ndarray, columns: int, noise: float) -> np.ndarray:
    rotation, _ = np.linalg.qr(DICE.normal(size=(max(vectors.shape[1], columns), columns)))
    turned = vectors @ rotation[: vectors.shape[1]] + noise * DICE.normal(size=(len(vectors), columns))
    return (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)


def test_a_turned_space_is_turned_back_exactly() -> None:
    source = _units(300, 24)
    bridge = fit(source, _turned(source, 24, 0.0))
    assert bridge.recall == 1.0
    assert bridge.method == "procrustes"


def test_spaces_of_other_dimensions_are_reached_both_ways() -> None:
    source = _units(400, 24)
    wider = fit(source, _turned(source, 40, 0.0))
    assert wider.matrix.shape == (24, 40)
    assert wider.recall == 1.0
    assert np.allclose(np.linalg.norm(wider.carry(source), axis=1), 1.0, atol=1e-5)


def test_spaces_that_have_nothing_in_common_are_found_out() -> None:
    assert fit(_units(400, 24), _units(400, 24)).recall < 0.2


def test_recall_is_measured_on_pairs_that_were_not_fitted_on() -> None:
    """As many dimensions as pairs: both maps fit the training pairs perfectly, and know nothing."""
    source, target = _units(200, 256), _units(200, 64)
    assert np.allclose((source @ ridge(source, target)), target, atol=0.2)
    assert fit(source, target).recall < 0.2


def test_procrustes_keeps_angles() -> None:
    rotation = procrustes(_units(100, 16), _units(100, 16))
    assert np.allclose(rotation @ rotation.T, np.eye(16), atol=1e-5)


class _Gone(HashingEmbedder):
    def load(self) -> None:
        raise ModelUnavailableError("The weights are gone. Bring them back.")

    def embed_query(self, text: str) -> Any:
        raise AssertionError("a model that cannot be loaded was asked")


class _Pairs:
    """The two questions that bridges ask of a catalog."""

    def __init__(self, side: EmbeddingSpec | None, source: np.ndarray, target: np.ndarray) -> None:
        self._side, self._pairs = side, (source, target)
        self.asked = 0

    def side_model(self, model_id: str) -> EmbeddingSpec | None:
        return self._side

    def vector_pairs(self, source_id: str, target_id: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked += 1
        return self._pairs


def _bridges(texts: Sequence[str], side: bool = True, spoiled: bool = False) -> tuple[Bridges, _Pairs, EmbeddingSpec]:
    old, new = _Gone(64), HashingEmbedder(128)
    vectors = HashingEmbedder(64).embed_documents(texts)
    fresh = new.embed_documents(texts)
    if spoiled:
        fresh = fresh[DICE.permutation(len(fresh))]
    catalog: Any = _Pairs(new.spec if side else None, vectors, fresh)
    models = {old.spec.id: old, new.spec.id: new}
    return Bridges(catalog, lambda spec: models[spec.id]), catalog, old.spec


WORDS = [
    f"{a} {b} {c}"
    for a in ["ferry", "invoice", "comet", "bee", "harbour", "rain"]
    for b in range(12)
    for c in ("x", "y", "z", "w")
]


def test_a_bridge_stands_in_for_a_model_that_is_gone_and_says_so() -> None:
    bridges, catalog, spec = _bridges(WORDS)
    said: list[str] = []
    embedder = bridges.embedder(spec, said.append)
    assert embedder.spec == spec
    vector = embedder.embed_query("comet 7 z")
    true = HashingEmbedder(64).embed_query("comet 7 z")
    assert vector.shape == true.shape
    assert float(vector @ true) > 0.8
    assert len(said) == 1 and "%" in said[0] and "The weights are gone" in said[0]
    bridges.embedder(spec, said.append)
    assert catalog.asked == 1, "it was fitted twice"
    with pytest.raises(ModelUnavailableError, match="cannot be loaded"):
        embedder.embed_documents(["nothing may be stored"])


def test_a_bridge_that_finds_too_little_is_refused_with_the_measured_share() -> None:
    bridges, _, spec = _bridges(WORDS, spoiled=True)
    with pytest.raises(ModelUnavailableError, match=r"The weights are gone.*finds only \d+%"):
        bridges.embedder(spec, pytest.fail)
    assert 0 < LEAST_RECALL < 1


def test_too_few_pairs_make_no_bridge() -> None:
    bridges, _, spec = _bridges(WORDS[: LEAST_PAIRS - 1])
    with pytest.raises(ModelUnavailableError, match=f"only {LEAST_PAIRS - 1} passages"):
        bridges.embedder(spec, pytest.fail)


def test_without_a_move_the_model_is_given_as_it_is() -> None:
    bridges, catalog, spec = _bridges(WORDS, side=False)
    assert isinstance(bridges.embedder(spec, pytest.fail), _Gone)
    assert catalog.asked == 0
