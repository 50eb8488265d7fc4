"""Questions over HTTP: whole and as they come, conversations, scopes, and the command line that asks the application."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import TEXTS, Server, start, stop
from tests.chat_endpoint import ChatEndpoint


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, ChatEndpoint]]:
    """A server whose answers an endpoint writes, with two documents."""
    with ChatEndpoint("x") as endpoint:
        folder = tmp_path_factory.mktemp("written") / "library"
        settings = {"CORTEX_CHAT_API_BASE": endpoint.address, "CORTEX_CHAT_MODEL": "tiny", "CORTEX_CHAT_TIMEOUT": "60"}
        server = start(folder, CORTEX_EXPLAIN_HITS="true", CORTEX_GRAPH="false", **settings)
        with server.client() as client:
            files = [("files", (name, text)) for name, text in TEXTS.items()]
            server.wait(client, client.post("/v1/ingest", files=files, data={"collection": "Papers"}).json()["id"])
        yield server, endpoint
        stop(server)


def events(answer: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream, in order."""
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_an_answer_is_written_checked_and_kept(written: tuple[Server, ChatEndpoint]) -> None:
    server, endpoint = written
    endpoint.answers = ["The puffin digs a burrow in the cliff [1]. It likes tea [9]."]
    with server.client() as client:
        asked = {"question": "Where does the puffin dig its burrow?", "collections": ["Papers"]}
        answer = client.post("/v1/ask", json=asked).json()
        assert [each["proof"] for each in answer["sentences"]] == ["quoted", "unverified"]
        assert answer["writer"] == "tiny at 127.0.0.1"
        assert answer["sources"][0]["quote"] == "The puffin digs a burrow in the cliff."
        place = f"/v1/conversations/{answer['conversation_id']}"
        assert client.get(place).json() == {"turns": [answer]}
        (row,) = client.get("/v1/conversations").json()["conversations"]
        assert (row["id"], row["collections"], row["turns"]) == (answer["conversation_id"], ["Papers"], 1)
        assert client.patch(place, json={"title": "Puffins"}).status_code == 204
        markdown = client.get(f"{place}/markdown")
        assert markdown.headers["content-type"].startswith("text/markdown")
        assert markdown.text.startswith("# Puffins\n")
        assert client.delete(place).status_code == 204
        assert client.get(place).status_code == client.delete(place).status_code == 404


def test_an_answer_streams(written: tuple[Server, ChatEndpoint]) -> None:
    server, endpoint = written
    endpoint.answers = ["The puffin digs a burrow in the cliff [1].\n\n<script>alert(1)</script> [1]"]
    with server.client() as client:
        answer = client.post("/v1/ask", json={"question": "Where does the puffin dig?", "stream": True})
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = events(answer)
        assert [name for name, _ in told if name != "text"] == [
            "status",
            "sources",
            "status",
            "status",
            "status",
            "answer",
        ]
        assert "".join(data["text"] for name, data in told if name == "text") == endpoint.answers[0]
        last = told[-1][1]
        assert client.get(f"/v1/conversations/{last['conversation_id']}").json() == {"turns": [last]}
        assert last["sentences"][1]["proof"] == "unverified"


def test_a_caller_that_goes_away_ends_the_writing_at_once(
    written: tuple[Server, ChatEndpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint is told by a dead line, though it says nothing, and nothing is kept."""
    server, endpoint = written
    gone, reached = threading.Event(), threading.Event()

    def silent(request: Any, _answer: str) -> None:
        reached.set()
        request.connection.settimeout(20)
        if request.connection.recv(1) == b"":  # nothing comes but the end
            gone.set()

    monkeypatch.setattr(endpoint, "_stream", silent)
    with server.client() as client:
        before = client.get("/v1/conversations").json()
        asked = {"question": "Where does the puffin dig?", "stream": True}
        with client.stream("POST", "/v1/ask", json=asked) as answer:
            lines = answer.iter_lines()
            assert any("Writing" in line for line in lines) and reached.wait(20)
        assert gone.wait(10)
        assert client.get("/v1/conversations").json() == before


def test_what_goes_wrong_is_told(written: tuple[Server, ChatEndpoint]) -> None:
    server, endpoint = written
    endpoint.answers = ["x [1]."]
    with server.client() as client:
        for body in (
            {"question": ""},
            {"question": "x" * 4001},
            {"question": "x", "sources": 21},
            {"question": "x", "conversation_id": "../x"},
            {"question": "x", "more": 1},
            {"question": " "},
        ):
            assert client.post("/v1/ask", json=body).status_code == 422
        for stream in (False, True):
            gone = {"question": "x", "conversation_id": "0" * 16, "stream": stream}
            assert client.post("/v1/ask", json=gone).status_code == 404
        nowhere = {"question": "x", "collections": ["Nowhere"]}
        assert client.post("/v1/ask", json=nowhere).status_code == 404
        (_, (name, data)) = events(client.post("/v1/ask", json={**nowhere, "stream": True}))
        assert (name, data["error"]["code"]) == ("error", "not_found")


def test_hits_are_explained_when_that_is_ready(written: tuple[Server, ChatEndpoint]) -> None:
    server, endpoint = written
    endpoint.answers = ["It names the puffin."]
    with server.client() as client:
        for _ in range(100):
            found = client.post("/v1/search", json={"query": "puffin burrow", "top_k": 1}).json()
            if found["explanations"]:
                break
        assert found["explanations"] == {found["hits"][0]["chunk_id"]: "It names the puffin."}


def test_the_command_line_asks_the_application(written: tuple[Server, ChatEndpoint]) -> None:
    server, endpoint = written
    endpoint.answers = ["The puffin digs a burrow in the cliff [1]."]
    command = [sys.executable, "-m", "cortex_engine", "--data-dir", str(server.folder)]

    def cortex(*words: str) -> str:
        done = subprocess.run([*command, *words], capture_output=True, text=True, env=server.environ, check=True)
        return done.stdout

    answer = json.loads(cortex("ask", "Where does the puffin dig?", "--in", "Papers", "--json"))
    assert answer["writer"] == "tiny at 127.0.0.1"
    assert answer["sentences"][0]["proof"] == "quoted"
    shown = cortex(
        "ask", "And the kittiwake, where does it nest?", "--conversation", answer["conversation_id"], "--extractive"
    )
    assert "The kittiwake nests on narrow ledges above the sea. [1]" in shown
    assert "[1] birds.txt, page 1" in shown
    assert answer["conversation_id"] in cortex("conversations")
    assert "## Where does the puffin dig?" in cortex("conversations", "export", answer["conversation_id"])
    cortex("conversations", "delete", answer["conversation_id"], "--yes")


def test_reading_keys_ask_and_writing_keys_change(written: tuple[Server, ChatEndpoint]) -> None:
    """The last test: from the first key on every request needs one."""
    server, endpoint = written
    endpoint.answers = ["x [1]."]
    with server.client() as nobody:
        made = {"admin": nobody.post("/v1/keys", json={"name": "admin", "scopes": ["admin"]}).json()["text"]}
        with server.client(made["admin"]) as admin:
            for scope in ("read", "write"):
                made[scope] = admin.post("/v1/keys", json={"name": scope, "scopes": [scope]}).json()["text"]
        assert nobody.post("/v1/ask", json={"question": "x"}).status_code == 401
        assert nobody.get("/v1/conversations").status_code == 401
    with server.client(made["read"]) as reader, server.client(made["write"]) as writer:
        asked = reader.post("/v1/ask", json={"question": "Where does the puffin dig?", "extractive": True})
        assert asked.status_code == 200
        place = f"/v1/conversations/{asked.json()['conversation_id']}"
        assert reader.get(place).status_code == 200
        assert reader.delete(place).status_code == reader.patch(place, json={"title": "x"}).status_code == 403
        assert writer.post("/v1/ask", json={"question": "x"}).status_code == 403
        assert writer.delete(place).status_code == 204
