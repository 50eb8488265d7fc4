"""Facts of models, and what a dimension does and does not say."""

from __future__ import annotations

import pytest

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.embedding.model_facts import KNOWN_MODELS
from cortex_engine.maintenance.inspector import COMPATIBILITY
from cortex_engine.utils.embedding_validator import (
    EMBEDDING_MODELS,
    MODELS,
    RERANKER_MODELS,
    Role,
    candidates_for_dimension,
    row_of,
    validate,
)


def test_a_dimension_never_names_one_model() -> None:
    names = {each.row.short_name for each in candidates_for_dimension(4096)}
    assert {"Qwen3-VL-Embedding-8B", "NV-Embed-v2"} <= names
    for dimension in range(1, 4200):
        assert len(candidates_for_dimension(dimension)) != 1, dimension


def test_full_dimensions_come_first_and_cut_ones_are_marked() -> None:
    found = candidates_for_dimension(2048)
    assert (found[0].row.short_name, found[0].cut) == ("Qwen3-VL-Embedding-2B", False)
    assert {each.row.short_name for each in found if each.cut} >= {"Qwen3-VL-Embedding-8B"}
    assert candidates_for_dimension(5000) == ()


def test_the_table_of_the_inspector_agrees_with_the_facts() -> None:
    for row in COMPATIBILITY:
        full = {each.row.short_name for each in candidates_for_dimension(row.dimension) if not each.cut}
        assert set(row.models) <= full, row.dimension


def test_sizes_of_the_registry() -> None:
    rows = {size: (row_of(EMBEDDING_MODELS[size]), row_of(RERANKER_MODELS[size])) for size in ("2B", "8B")}
    small, large = rows["2B"], rows["8B"]
    assert small[0] is not None
    assert small[1] is not None
    assert large[0] is not None
    assert large[1] is not None
    assert (small[0].dimension, large[0].dimension) == (2048, 4096)
    assert 4e9 < small[0].memory_bytes() < 5.5e9
    assert 4e9 < small[1].memory_bytes() < 5.5e9
    assert 16e9 < large[0].memory_bytes() < 17e9
    assert 17e9 < large[1].memory_bytes() < 20e9
    assert small[1].role is Role.RERANKING


@pytest.mark.parametrize("dimension", [64, 128, 256, 512, 1024, 1536, 2048])
def test_matryoshka_dimensions_of_qwen3_vl(dimension: int) -> None:
    for size in EMBEDDING_MODELS.values():
        assert validate(size, dimension).possible is True


@pytest.mark.parametrize(
    ("model", "dimension", "possible", "words"),
    [
        ("Qwen/Qwen3-VL-Embedding-2B", 4096, False, "gives 2,048 numbers, not more"),
        ("Qwen/Qwen3-VL-Embedding-2B", 32, False, "to 64 numbers and not to fewer"),
        ("BAAI/bge-base-en-v1.5", 512, False, "mean nothing when they are cut"),
        ("BAAI/bge-base-en-v1.5", 0, True, "768"),
        ("/models/bge-base-en-v1.5/", 0, True, "768"),
        ("nvidia/NV-Embed-v2", 0, False, "never executed"),
        ("Qwen/Qwen3-VL-Reranker-2B", 0, False, "is a reranker"),
        ("cross-encoder/ms-marco-MiniLM-L-6-v2", 0, False, "is a reranker"),
        ("me/my-model", 700, None, "its files decide"),
    ],
)
def test_what_is_possible_is_said_in_a_sentence(model: str, dimension: int, possible: bool | None, words: str) -> None:
    found = validate(model, dimension)
    assert found.possible is possible
    assert words in found.sentence


def test_a_spec_brings_its_dimension() -> None:
    spec = EmbeddingSpec("qwen3_vl", "Qwen/Qwen3-VL-Embedding-8B", "r", 1024, "lasttoken", True, 8192, max_pixels=1)
    assert (validate(spec).dimension, validate(spec).possible) == (1024, True)


def test_rows_have_unique_names_and_every_backend_exists() -> None:
    assert len({row.name for row in MODELS}) == len(MODELS)
    assert {row.backend for row in MODELS} == {"packaged", "sentence_transformer", "qwen3_vl", "cross_encoder"}
    instructed = {facts.model.rpartition("/")[2] for facts in KNOWN_MODELS}
    assert {"bge-base-en-v1.5", "multilingual-e5-base"} <= instructed & {row.short_name for row in MODELS}
