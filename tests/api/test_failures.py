"""When the engine fails: the right status, a sentence without paths, an id that the log has too, and time that ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cortex_engine.api import create_app, guards, routes_search
from cortex_engine.config import CortexConfig
from cortex_engine.core import errors
from cortex_engine.core.search import Query, SearchResult, SearchTrace
from tests.api.test_access import refused

SECRET = "/srv/private/library"


def asking(
    search: Callable[[Query, str], SearchResult], work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]
) -> None:
    """Run `work` with a client of an application whose suite searches like this."""
    config = CortexConfig(data_dir=Path(SECRET))
    suite: Any = SimpleNamespace(config=config, needs_key=lambda: False, search=search, collections=list)
    app = create_app(lambda: suite)

    async def run() -> None:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await work(client)

    asyncio.run(run())


def answer_to(error: Exception) -> httpx.Response:
    answers = []

    def search(query: Query, door: str) -> SearchResult:
        raise error

    async def work(client: httpx.AsyncClient) -> None:
        answers.append(await client.post("/v1/search", json={"query": "q"}))

    asking(search, work)
    return answers[0]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UsageError(f"The file {SECRET}/x makes no sense."), 422),
        (errors.ConfigError(f"{SECRET} cannot be used."), 500),
        (errors.NotFoundError(f"There is no '{SECRET}'."), 404),
        (errors.AlreadyExistsError("The name is taken."), 409),
        (errors.LibraryLockedError(f"The library in '{SECRET}' is in use by process 7."), 503),
        (errors.CatalogError(f"The catalog '{SECRET}/catalog.db' is damaged."), 503),
        (errors.StorageFullError(f"The disk that holds '{SECRET}' is full."), 507),
        (errors.ParseError(f"{SECRET}/blobs/ab is damaged."), 422),
        (errors.ModelUnavailableError(f"The model in {SECRET}/model cannot be loaded."), 503),
        (errors.ModelMismatchError("Two models."), 409),
        (errors.IndexUnavailableError(f"The index in {SECRET} cannot answer."), 503),
        (errors.CortexError(f"Something about {SECRET}."), 500),
    ],
)
def test_expected_failures(error: errors.CortexError, status: int) -> None:
    answer = answer_to(error)
    refused(answer, status, error.code)
    assert SECRET not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_defect_is_a_500_with_the_id_that_the_log_has(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = answer_to(RuntimeError(f"boom in {SECRET}"))
    error = refused(answer, 500, "unexpected")
    assert "boom" not in answer.text
    (record,) = [each for each in caplog.records if error["id"] in each.getMessage()]
    assert record.exc_info is not None


def test_a_suite_that_cannot_be_opened_is_told_and_health_says_so() -> None:
    def suite() -> Any:
        raise errors.CatalogError(f"The catalog '{SECRET}' is damaged.")

    async def run() -> None:
        transport = httpx.ASGITransport(create_app(suite), client=("127.0.0.1", 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            refused(await client.get("/v1/collections"), 503, "catalog")
            assert (await client.get("/v1/health")).json()["status"] == "unavailable"
            assert (await client.get("/v1/health/ready")).status_code == 503
            assert (await client.get("/v1/health/live")).status_code == 200

    asyncio.run(run())


def test_a_search_is_given_up_and_hinders_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_search, "SEARCH_SECONDS", 3.0)
    ended = threading.Event()

    def search(query: Query, door: str) -> SearchResult:
        if query.text == "slow":
            ended.wait(20)
        return SearchResult(query, (), SearchTrace())

    async def work(client: httpx.AsyncClient) -> None:
        slow = [asyncio.create_task(client.post("/v1/search", json={"query": "slow"})) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert (await client.post("/v1/search", json={"query": "quick"})).status_code == 200
        assert (await client.get("/v1/health/live")).status_code == 200
        assert not any(task.done() for task in slow), "a blocking search stood in the way of the others"
        for answer in await asyncio.gather(*slow):
            refused(answer, 504, "timeout")
        ended.set()

    try:
        asking(search, work)
    finally:
        ended.set()


def test_too_many_at_once_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "_AT_ONCE", 2)
    ended = threading.Event()

    def search(query: Query, door: str) -> SearchResult:
        ended.wait(20)
        return SearchResult(query, (), SearchTrace())

    async def work(client: httpx.AsyncClient) -> None:
        tasks = [asyncio.create_task(client.post("/v1/search", json={"query": "q"})) for _ in range(2)]
        await asyncio.sleep(0.2)
        answer = await client.post("/v1/search", json={"query": "q"})
        refused(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        ended.set()
        assert [each.status_code for each in await asyncio.gather(*tasks)] == [200, 200]
        assert (await client.post("/v1/search", json={"query": "q"})).status_code == 200

    try:
        asking(search, work)
    finally:
        ended.set()
