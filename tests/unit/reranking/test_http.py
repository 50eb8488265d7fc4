"""Rerank services, spoken to over a real connection; the service misbehaves on demand."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cortex_engine.core.errors import ConfigError, ModelUnavailableError, ModelUnhealthyError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.reranking import Candidate
from cortex_engine.reranking.http import HttpReranker
from cortex_engine.reranking.wire import Dialect, WireError, endpoint_of, scores_of
from tests.reranking_kit.service import KEY, Service, relevance, serving

QUERY = ModelInput("When was the invoice for March paid?")
TEXTS = ["Bees make honey.", "The invoice for March was paid in April.", "March is a month.", "Nothing."]
CANDIDATES = [Candidate(str(place), ModelInput(text)) for place, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    running.bodies.clear()
    running.keys.clear()
    running.mishaps.clear()
    running.forever = ""
    running.released.clear()
    yield running
    running.released.set()


def loaded(service: Service, path: str = "/v1/rerank", timeout: float = 10.0) -> tuple[HttpReranker, list[float]]:
    pauses: list[float] = []
    reranker = HttpReranker(service.address + path, model="rerank-3.5", key=KEY, timeout=timeout, pause=pauses.append)
    reranker.load()
    service.bodies.clear()
    return reranker, pauses


@pytest.mark.parametrize(
    ("path", "field"),
    [("/v1/rerank", "documents"), ("/v2", "documents"), ("/vllm/rerank", "documents"), ("/tei", "texts")],
)
def test_each_dialect_is_spoken_and_the_scores_are_the_service_s(service: Service, path: str, field: str) -> None:
    reranker, _ = loaded(service, path)
    judged = reranker.rerank(QUERY, CANDIDATES)
    assert [each.id for each in judged] == ["1", "2", "3", "0"]
    for each in judged:
        assert each.raw == each.score == relevance(QUERY.text, TEXTS[int(each.id)])
    assert [body[field] for body in service.bodies] == [TEXTS]
    if field == "documents":
        assert service.bodies[0]["model"] == "rerank-3.5"
        assert service.bodies[0]["top_n"] == 4
        assert set(service.keys) == {f"Bearer {KEY}"}


def test_many_candidates_go_in_several_calls_where_one_takes_few(service: Service) -> None:
    reranker, _ = loaded(service, "/tei")
    many = [Candidate(str(place), ModelInput(f"text {place}")) for place in range(70)]
    judged = reranker.rerank(QUERY, many)
    assert [len(body["texts"]) for body in service.bodies] == [32, 32, 6]
    assert {each.id: each.raw for each in judged} == {
        each.id: relevance(QUERY.text, each.content.text) for each in many
    }


@pytest.mark.parametrize(
    ("mishap", "sentence"),
    [
        ("text", "no JSON"),
        ("null", "no list of results"),
        ("shape", "no list of results"),
        ("range", "document 4, where only 0 to 3"),
        ("twice", "two results for document"),
        ("less", "no score for 1 of 4 documents"),
        ("nan", "'NaN' for document"),
        ("huge", "more than 10000000 bytes"),
        ("deep", "no JSON"),
        ("vast", "no finite number"),
        ("packed", "cannot be read"),
        ("401", "status 401 .*not now"),
        ("redirect", "status 307"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_at_once(service: Service, mishap: str, sentence: str) -> None:
    reranker, pauses = loaded(service)
    service.mishaps.append(mishap)
    with pytest.raises(ModelUnavailableError, match=f"{sentence}.*reranker_url") as caught:
        reranker.rerank(QUERY, CANDIDATES)
    assert KEY not in str(caught.value)
    assert (len(service.bodies), pauses) == (1, [])
    assert len(reranker.rerank(QUERY, CANDIDATES)) == 4, "the next call works again"


def test_passing_trouble_is_waited_for(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    reranker, pauses = loaded(service)
    service.mishaps += ["503", "429"]
    assert len(reranker.rerank(QUERY, CANDIDATES)) == 4
    assert (len(service.bodies), pauses) == (3, [1.0, 2.0])
    assert KEY not in caplog.text


def test_lasting_trouble_ends_after_three_tries(service: Service) -> None:
    reranker, _ = loaded(service)
    service.forever = "500"
    with pytest.raises(ModelUnavailableError, match="status 500"):
        reranker.rerank(QUERY, CANDIDATES)
    assert len(service.bodies) == 3


def test_a_service_that_hangs_is_given_up(service: Service) -> None:
    reranker, _ = loaded(service, timeout=0.5)
    service.mishaps.append("hang")
    with pytest.raises(ModelUnavailableError, match=r"did not answer within 0\.5 s"):
        reranker.rerank(QUERY, CANDIDATES)
    assert len(service.bodies) == 1


def test_one_call_that_hangs_holds_up_no_other(service: Service) -> None:
    reranker, _ = loaded(service, timeout=60.0)
    service.mishaps.append("hang")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(reranker.rerank, QUERY, CANDIDATES)
        while not service.bodies:
            time.sleep(0.01)
        assert len(reranker.rerank(QUERY, CANDIDATES)) == 4
        assert not hanging.done()
        service.released.set()
        assert len(hanging.result()) == 4


def test_nobody_listening_is_a_sentence_without_what_may_be_a_key() -> None:
    with pytest.raises(ModelUnavailableError, match="http://127.0.0.1:9/v1/rerank cannot be reached") as caught:
        HttpReranker("http://127.0.0.1:9/v1/rerank?key=hidden", pause=lambda _: None).load()
    assert "hidden" not in str(caught.value)


def test_one_score_for_everything_is_unhealthy_at_load_and_later(service: Service) -> None:
    reranker, _ = loaded(service)
    service.forever = "equal"
    with pytest.raises(ModelUnhealthyError, match="constant: 0.5 for everything"):
        reranker.rerank(QUERY, CANDIDATES)
    assert len(reranker.rerank(QUERY, CANDIDATES[:3])) == 3, "a few worthless candidates may share a rounded score"
    with pytest.raises(ModelUnhealthyError, match="constant"):
        loaded(service)


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://x/rerank", "http://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="reranker_url"):
        HttpReranker(address)


def test_a_key_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="CORTEX_RERANKER_API_KEY") as caught:
        HttpReranker("https://user:hidden@host/rerank")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "url", "dialects"),
    [
        ("http://h:1", "http://h:1/rerank", (Dialect.COHERE, Dialect.TEI)),
        ("http://h/rerank/", "http://h/rerank", (Dialect.COHERE, Dialect.TEI)),
        ("https://api.cohere.com/v2", "https://api.cohere.com/v2/rerank", (Dialect.COHERE,)),
        ("https://h/x/v1/rerank?tenant=1", "https://h/x/v1/rerank?tenant=1", (Dialect.COHERE,)),
    ],
)
def test_the_address_tells_the_call_and_the_dialect(address: str, url: str, dialects: tuple[Dialect, ...]) -> None:
    endpoint = endpoint_of(address)
    assert (endpoint.url, endpoint.dialects) == (url, dialects)


@pytest.mark.parametrize(
    "row", [{"index": True, "score": 1}, {"index": 0, "score": True}, {"index": 0}, {"score": 1}, 3]
)
def test_strange_rows_are_refused(row: object) -> None:
    with pytest.raises(WireError):
        scores_of(Dialect.TEI, [row], 2)
