"""Schemathesis walks the OpenAPI document of a real server: whatever it makes up, nothing answers with a 5xx."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tests.api.conftest import Server

EXAMPLES = int(os.environ.get("CORTEX_TEST_EXAMPLES", "8"))
"""For each operation, valid and invalid requests alike; 15 with `make soak`."""

SENT = {"/v1/samples", "/v1/care/rebuild", "/v1/care/doctor"}
"""Asked once in their own tests: they do the same whatever is sent, and take their time."""


@pytest.fixture(scope="module")
def walked(open_server: Server) -> Any:
    with open_server.client() as client:
        schema = client.get("/openapi.json").json()
        ids = [row["id"] for row in client.get("/v1/documents").json()["documents"]]
        # Made-up requests make keys, too: from then on every request needs one.
        key = client.post("/v1/keys", json={"name": "walk", "scopes": ["read", "write", "admin"]}).json()["text"]
    return schemathesis.openapi.from_dict(schema), open_server, ids, key


def test_nothing_that_fits_the_schema_or_does_not_makes_it_fail(walked: Any) -> None:
    schema, server, _, key = walked
    schema.config.base_url = server.url
    seen: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in SENT:
            continue
        for mode in schemathesis.GenerationMode:

            @seed(7)
            @settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def walk(case: Any) -> None:
                answer = case.call(timeout=30, headers={"x-api-key": key})
                label = f"{case.method.upper()} {case.operation.path}"
                seen.setdefault(label, set()).add(answer.status_code)
                assert answer.status_code < 500, (label, answer.status_code, answer.text)
                if answer.status_code >= 400:
                    assert len(answer.content) < 600, label

            # What has nothing to get wrong cannot be asked wrongly.
            with suppress(Unsatisfiable):
                walk()
    assert len(seen) > 30


@pytest.mark.parametrize("number", range(3))
def test_real_documents_with_anything_asked_of_them(walked: Any, number: int) -> None:
    """Made-up ids never meet a document: these requests do."""
    _, server, ids, key = walked
    chance = random.Random(number)

    texts = st.text(max_size=40)

    @seed(number)
    @settings(max_examples=25, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts, texts, st.integers(-(2**70), 2**70), st.sampled_from(["name", "added", "size", "pages", "type", "x"]))
    def walk(first: str, second: str, count: int, order: str) -> None:
        document = f"/v1/documents/{chance.choice(ids)}"
        requests = [
            ("GET", "/v1/documents", {"params": {"title": first, "tag": second, "limit": count, "order": order}}),
            ("GET", f"{document}/pages/{count}", {}),
            (
                "GET",
                f"{document}/pages/1.webp",
                {"params": {"query": first, "char_start": abs(count), "char_end": count}},
            ),
            ("PATCH", document, {"json": {"author": first, "title": second}}),
            ("PUT", f"{document}/tags", {"json": {"tags": [first, second]}}),
            ("POST", "/v1/search", {"json": {"query": first, "filters": {"title": second}, "top_k": count}}),
            ("POST", "/v1/search", {"json": {"query": f'"{first}" -{second}', "mode": "lexical"}}),
        ]
        with server.client(key) as client:
            for method, path, given_ in requests:
                answer = client.request(method, path, **given_)
                assert answer.status_code < 500, (method, path, given_, answer.text)

    walk()
