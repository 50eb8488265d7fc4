"""Every backend of the `Reranker` port keeps the port's promises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate
from cortex_engine.embedding.token_vectors import PackagedTokenVectors
from cortex_engine.reranking.cross_encoder import CrossEncoderReranker
from cortex_engine.reranking.http import HttpReranker
from cortex_engine.reranking.local import LateInteractionReranker
from cortex_engine.reranking.passthrough import PassthroughReranker
from cortex_engine.reranking.qwen3_vl import Qwen3VLReranker
from tests.reranking_kit.service import serving

pytestmark = pytest.mark.xdist_group("qwen3_vl")

Factory = Callable[[], Reranker]
QUERY = ModelInput("How do bees make honey?")
TEXTS = [
    "The invoice for March was paid in April.",
    "Bees collect nectar from flowers and make honey of it in the hive.",
    "Tokyo is the capital of Japan.",
    "A hive of bees.",
    "Der Vertrag endet am 31. Dezember.",
]
ODD = [
    "",
    " ",
    "\ud800 lone",
    "<|image_pad|>",
    "<|im_end|>",
    "http://127.0.0.1:9/x.png",
    "/etc/hostname",
    "a" * 3000,
    "東京",
]


def candidates(texts: list[str]) -> list[Candidate]:
    return [Candidate(f"c{place}", ModelInput(text)) for place, text in enumerate(texts)]


@pytest.fixture(
    scope="module", params=["none", "local", "qwen3_vl", "cross_encoder", "http-cohere", "http-vllm", "http-tei"]
)
def factory(request: pytest.FixtureRequest) -> Iterator[Factory]:
    kind = request.param
    if kind == "none":
        yield PassthroughReranker
    elif kind == "local":
        cache = request.getfixturevalue("tmp_path_factory").mktemp("graph")
        yield lambda: LateInteractionReranker(PackagedTokenVectors(cache, threads=1))
    elif kind == "qwen3_vl":
        folder: Path = request.getfixturevalue("qwen3_vl_models") / "trained_reranker"
        yield lambda: Qwen3VLReranker(str(folder))
    elif kind == "cross_encoder":
        model: Path = request.getfixturevalue("tiny_cross_encoder")
        yield lambda: CrossEncoderReranker(str(model), device="cpu")
    else:
        path = {"http-cohere": "/v2/rerank", "http-vllm": "/vllm/rerank", "http-tei": "/tei/rerank"}[kind]
        with serving() as service:
            yield lambda: HttpReranker(service.address + path)


@pytest.fixture(scope="module")
def reranker(factory: Factory) -> Reranker:
    made = factory()
    made.load()
    return made


def test_it_is_a_reranker_with_a_name(reranker: Reranker) -> None:
    assert isinstance(reranker, Reranker)
    assert reranker.name
    assert isinstance(reranker.sees, bool)


def test_each_candidate_gets_one_judgement_best_first(reranker: Reranker) -> None:
    judged = reranker.rerank(QUERY, candidates(TEXTS))
    assert sorted(each.id for each in judged) == [f"c{place}" for place in range(len(TEXTS))]
    raw = [each.raw for each in judged]
    assert raw == sorted(raw, reverse=True)
    assert len(set(raw)) == len(TEXTS)
    assert all(
        isinstance(each.raw, float) and isinstance(each.score, float) and 0 <= each.score <= 1 for each in judged
    )
    assert [each.score for each in judged] == sorted((each.score for each in judged), reverse=True)


def test_it_says_the_same_again_and_alone(reranker: Reranker) -> None:
    judged = reranker.rerank(QUERY, candidates(TEXTS))
    again = reranker.rerank(QUERY, candidates(TEXTS))
    assert [each.id for each in again] == [each.id for each in judged]
    np.testing.assert_allclose([each.raw for each in again], [each.raw for each in judged], atol=1e-5)
    if reranker.name != "none":
        first = candidates(TEXTS)[:1]
        alone = reranker.rerank(QUERY, first)[0]
        assert alone.raw == pytest.approx(next(each.raw for each in judged if each.id == alone.id), abs=1e-4)


def test_the_order_of_the_candidates_decides_nothing(reranker: Reranker) -> None:
    if reranker.name == "none":
        pytest.skip("keeping the order is its task")
    forth = reranker.rerank(QUERY, candidates(TEXTS))
    back = reranker.rerank(QUERY, candidates(TEXTS)[::-1])
    assert [each.id for each in forth] == [each.id for each in back]


def test_equal_candidates_keep_their_order(reranker: Reranker) -> None:
    judged = reranker.rerank(QUERY, [Candidate(name, ModelInput(TEXTS[1])) for name in "cab"])
    assert [each.id for each in judged] == ["c", "a", "b"]


def test_nothing_to_judge_is_no_failure(reranker: Reranker) -> None:
    assert reranker.rerank(QUERY, []) == []
    assert len(reranker.rerank(ModelInput(), candidates(TEXTS[:1]))) == 1


def test_strange_texts_are_only_texts(reranker: Reranker) -> None:
    judged = reranker.rerank(ModelInput("<|im_end|> \ud800 honey"), candidates(ODD))
    assert len(judged) == len(ODD)
    assert all(np.isfinite(each.raw) for each in judged)


def test_an_instruction_is_accepted(reranker: Reranker) -> None:
    assert len(reranker.rerank(QUERY, candidates(TEXTS), "Find text about animals.")) == len(TEXTS)


def test_it_may_be_asked_by_several_threads(reranker: Reranker) -> None:
    expected = [each.id for each in reranker.rerank(QUERY, candidates(TEXTS))]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: [each.id for each in reranker.rerank(QUERY, candidates(TEXTS))], range(6))
    assert all(each == expected for each in found)


def test_it_loads_by_itself_and_comes_back_after_unloading(factory: Factory) -> None:
    reranker = factory()
    reranker.unload()
    before = [each.id for each in reranker.rerank(QUERY, candidates(TEXTS))]
    reranker.unload()
    reranker.unload()
    assert [each.id for each in reranker.rerank(QUERY, candidates(TEXTS))] == before
    assert threading.active_count() < 50


def test_pictures_are_judged_or_passed_over(reranker: Reranker, qwen3_vl_pictures: Path) -> None:
    picture = (qwen3_vl_pictures / "t_red_circle.png").read_bytes()
    found = reranker.rerank(
        ModelInput("a red circle"),
        [
            Candidate("other", ModelInput(images=((qwen3_vl_pictures / "t_blue_square.png"),))),
            Candidate("mine", ModelInput("a red circle", (picture,))),
        ],
    )
    assert len(found) == 2
    if reranker.sees:
        assert found[0].id == "mine"
