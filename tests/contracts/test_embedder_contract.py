"""Every backend of the `Embedder` port keeps the port's promises."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.core.protocols import Embedder
from cortex_engine.embedding.hashing import HashingEmbedder
from cortex_engine.embedding.packaged import PackagedEmbedder
from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder, Qwen3VLOptions
from cortex_engine.embedding.sentence_transformer import SentenceTransformerEmbedder

SENTENCES = [
    "The invoice of March was paid on the third of April.",
    "Bees make honey.",
    "Der Vertrag endet am 31. Dezember 2026, wenn ihn keine Seite verlängert.",
    "東京タワーはどこにありますか",
    "x",
    "Reciprocal rank fusion adds 1 / (60 + rank) over all rankings in which a passage stands, and sorts by the sum.",
    "The bill for March has been settled in early April.",
]
ODD = [
    "",
    " ",
    "\n\t",
    "😀😃 👩‍👩‍👧‍👦",
    "e\u0301",
    "\ud800 lone",
    "\x00\x01",
    "a" * 5000,
    "[CLS] [SEP] [MASK]",
    "مرحبا בעולם",
]

Factory = Callable[[], Embedder]


@pytest.fixture(scope="session")
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(
    scope="session",
    params=[
        "hashing",
        "packaged-float32",
        "packaged-bfloat16",
        "sentence_transformer",
        pytest.param("qwen3_vl", marks=pytest.mark.xdist_group("qwen3_vl")),
    ],
)
def factory(request: pytest.FixtureRequest, graph_cache: Path) -> Factory:
    def sentence_transformer() -> Embedder:
        return SentenceTransformerEmbedder(str(request.getfixturevalue("tiny_model")), device="cpu")

    def qwen3_vl() -> Embedder:
        # Random weights do not know that a query and a document of different instructions belong together.
        options = Qwen3VLOptions(device="cpu", dimension=32, query_instruction="Represent the user's input.")
        return Qwen3VLEmbedder(str(request.getfixturevalue("qwen3_vl_models") / "embedding"), options)

    factories: dict[str, Factory] = {
        "hashing": HashingEmbedder,
        "packaged-float32": lambda: PackagedEmbedder(graph_cache, precision="float32"),
        "packaged-bfloat16": lambda: PackagedEmbedder(graph_cache, precision="bfloat16"),
        "sentence_transformer": sentence_transformer,
        "qwen3_vl": qwen3_vl,
    }
    return factories[request.param]


@pytest.fixture(scope="session")
def embedder(factory: Factory) -> Embedder:
    made = factory()
    made.load()
    return made


def tolerance(embedder: Embedder) -> float:
    """Largest allowed difference of a number: bfloat16 products depend on the shape of their batch."""
    return 2e-3 if getattr(embedder, "document_precision", "") == "bfloat16" else 1e-5


def test_it_is_an_embedder(embedder: Embedder) -> None:
    assert isinstance(embedder, Embedder)


def test_documents_have_shape_type_and_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(SENTENCES)
    assert vectors.shape == (len(SENTENCES), embedder.spec.dimension)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert embedder.spec.normalised
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_query_has_shape_type_and_length_one(embedder: Embedder) -> None:
    vector = embedder.embed_query(SENTENCES[0])
    assert vector.shape == (embedder.spec.dimension,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    vectors = embedder.embed_documents([])
    assert vectors.shape == (0, embedder.spec.dimension)
    assert vectors.dtype == np.float32


def test_a_batch_gives_each_text_its_own_vector_in_the_order_given(embedder: Embedder) -> None:
    together = embedder.embed_documents(SENTENCES)
    for sentence, row in zip(SENTENCES, together, strict=True):
        np.testing.assert_allclose(embedder.embed_documents([sentence])[0], row, atol=tolerance(embedder))
    backwards = embedder.embed_documents(SENTENCES[::-1])
    np.testing.assert_allclose(backwards[::-1], together, atol=tolerance(embedder))
    apart = np.abs(together[:, None] - together[None, :]).max(-1) + np.eye(len(SENTENCES))
    assert apart.min() > 1e-3, "two different sentences must not get one vector"


def test_queries_and_documents_share_one_space(embedder: Embedder) -> None:
    documents = embedder.embed_documents(SENTENCES)
    for position, sentence in enumerate(SENTENCES):
        assert int(np.argmax(documents @ embedder.embed_query(sentence))) == position


def test_the_same_input_gives_the_same_numbers(factory: Factory, embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed_documents(SENTENCES), embedder.embed_documents(SENTENCES))
    np.testing.assert_array_equal(embedder.embed_query("honey"), embedder.embed_query("honey"))
    np.testing.assert_array_equal(factory().embed_query("honey"), embedder.embed_query("honey"))


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_texts_have_a_finite_vector_of_length_one(embedder: Embedder, text: str) -> None:
    for vector in (embedder.embed_documents([text])[0], embedder.embed_query(text)):
        assert np.isfinite(vector).all()
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_very_long_query_is_answered(embedder: Embedder) -> None:
    vector = embedder.embed_query("honey and bees " * 2000)
    assert np.isfinite(vector).all()
    if embedder.spec.backend != "qwen3_vl":  # its weights here are random: nothing is near to anything
        assert float(vector @ embedder.embed_query("honey and bees")) > 0


def test_the_spec_is_stable(factory: Factory, embedder: Embedder) -> None:
    spec = factory().spec
    assert spec == embedder.spec
    assert spec.id == embedder.spec.id
    assert spec.revision
    assert spec.max_tokens > 0


def test_the_tokenizer_counts_without_cutting(embedder: Embedder) -> None:
    limit = embedder.spec.max_tokens
    short, long = embedder.tokenizer.lengths(["honey", "honey " * (limit + 50)])
    assert 0 < short < limit < limit + 50 <= long
    assert embedder.tokenizer.lengths([]) == []


def test_two_threads_at_once_get_what_one_gets(embedder: Embedder) -> None:
    documents = embedder.embed_documents(SENTENCES)
    queries = np.stack([embedder.embed_query(sentence) for sentence in SENTENCES])
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda _: embedder.embed_documents(SENTENCES), range(4)))
        single = list(pool.map(embedder.embed_query, SENTENCES * 4))
    for vectors in many:
        np.testing.assert_allclose(vectors, documents, atol=tolerance(embedder))
    np.testing.assert_allclose(np.stack(single), np.tile(queries, (4, 1)), atol=1e-5)


def test_two_threads_may_load_it_at_once(factory: Factory, embedder: Embedder) -> None:
    fresh = factory()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(fresh.embed_query, ["honey", "honey"])
    np.testing.assert_allclose(first, embedder.embed_query("honey"), atol=1e-5)
    np.testing.assert_array_equal(first, second)
