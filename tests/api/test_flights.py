"""Recorded searches and "Why not?" over HTTP, and on the command line, as a person uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cortex_engine.cli import cortex
from tests.api.conftest import TEXTS, Server


def test_a_search_is_recorded_replayed_explained_and_forgotten(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.client() as client:
        files = [("files", (name, text)) for name, text in TEXTS.items()]
        job = client.post("/v1/ingest", files=files, data={"collection": "Papers"}).json()
        server.wait(client, job["id"])
        asked = {"query": "puffin burrow", "top_k": 1, "group": True, "miss_rate": 0.0}
        found = client.post("/v1/search", json=asked).json()
        flight = client.get(f"/v1/flights/{found['flight_id']}").json()
        assert (flight["format"], flight["version"], flight["door"]) == ("cortex-flight", 1, "api")
        assert flight["hits"] == [hit["chunk_id"] for hit in found["hits"]]
        assert flight["places"][flight["hits"][0]]["document"] == "birds.txt"
        again = client.post(f"/v1/flights/{found['flight_id']}/replay").json()
        assert [hit["chunk_id"] for hit in again["hits"]] == flight["hits"]
        assert again["flight_id"] == ""
        answer = client.post("/v1/why", json={"search": asked, "document": "tea.md"}).json()
        assert answer["cause"] == "below the cut"
        offered = answer["suggestions"][0]
        assert (offered["remedy"], offered["search"]["top_k"]) == ("search", 2)
        brought = client.post("/v1/search", json=offered["search"]).json()
        assert [hit["document"] for hit in brought["hits"]] == ["birds.txt", "tea.md"]
        never = client.post("/v1/why", json={"search": asked, "document": "nothing.pdf"}).json()
        assert (never["cause"], never["suggestions"][0]["remedy"]) == ("not ingested", "ingest")
        assert client.post("/v1/why", json={"search": asked}).status_code == 422
        assert client.get(f"/v1/flights/{found['flight_id'][:6]}").status_code == 422, "an id cannot be guessed"
        assert [row["text"] for row in client.get("/v1/flights").json()["flights"]] == ["puffin burrow"] * 2
        assert client.delete(f"/v1/flights/{found['flight_id']}").json() == {"forgotten": True}
        assert client.get(f"/v1/flights/{found['flight_id']}").status_code == 404
        assert client.delete("/v1/flights").status_code == 200
        assert client.get("/v1/flights").json() == {"flights": []}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A command on a small library; its output."""
    monkeypatch.setenv("CORTEX_EMBEDDING_BACKEND", "hashing")
    monkeypatch.setenv("CORTEX_MIN_FREE_BYTES", "0")
    monkeypatch.setenv("CORTEX_MISS_RATE", "0")
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)

    def run_(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(cortex, ["--data-dir", str(tmp_path / "library"), *arguments])
        assert (result.exit_code == 0) == (status == 0), (result.output, result.exception)
        return result.output

    run_("ingest", str(tmp_path / "birds.txt"), str(tmp_path / "tea.md"))
    return run_


def test_the_command_line_lists_shows_exports_asks_again_and_explains(run: Callable[..., str], tmp_path: Path) -> None:
    run("search", "puffin burrow", "--top-k", "1", "--group")
    rows: list[dict[str, Any]] = json.loads(run("flights", "list", "--json"))["flights"]
    flight_id = rows[0]["id"]
    assert "puffin burrow" in run("flights")
    shown = run("flights", "show", flight_id[:6])
    assert "by command line" in shown and "birds.txt, page 1" in shown and "lexical: " in shown
    run("flights", "export", flight_id, str(tmp_path / "flight.json"))
    assert json.loads((tmp_path / "flight.json").read_text())["id"] == flight_id
    assert "The same results" in run("flights", "replay", flight_id)
    answer = run("why", "puffin burrow", "tea.md", "--top-k", "1", "--group")
    assert "below the cut" in answer and "--top-k 2" in answer
    assert "was ever handed over" in run("why", "puffin", "nothing.pdf")
    assert json.loads(run("why", "puffin", "birds.txt", "--json"))["cause"] == "found"
    run("why", "puffin", "birds.txt", "--miss-rate", "0.6", status=2)
    run("flights", "forget", status=2)
    run("flights", "forget", "--all")
    assert "No search is recorded" in run("flights")
