"""The knowledge graph over HTTP."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import networkx
import pytest

from tests.api.conftest import Keyed, Server, start, stop

_TEXTS = {
    "comet.txt": "In the autumn Marta Quill saw a comet. From Merrow she and Emil Zorn wrote to Hilda Brandt.",
    "letters.txt": "The letter of Emil Zorn reached Marta Quill in Merrow. There Emil Zorn met Hilda Brandt.",
}


@pytest.fixture(scope="module")
def graphed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose two documents were read for the graph."""
    server = start(tmp_path_factory.mktemp("graph") / "library", CORTEX_ENTITY_EXTRACTOR="rules", CORTEX_GRAPH="true")
    with server.client() as client:
        files = [("files", (name, text)) for name, text in _TEXTS.items()]
        job = client.post("/v1/ingest", files=files, data={"collection": "Papers"}).json()
        server.wait(client, job["id"])
        _until(lambda: _settled(client))
    yield server
    stop(server)


def _settled(client: httpx.Client) -> bool:
    stats = client.get("/v1/graph").json()
    return stats["documents"] == 2 and not stats["waiting"] and not stats["behind"]


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def _find(client: httpx.Client, text: str, **more: Any) -> dict[str, Any]:
    found = client.get("/v1/graph/entities", params={"text": text, **more}).json()["entities"]
    return dict(found[0])


def test_the_graph_is_asked_over_http(graphed: Server) -> None:
    with graphed.client() as client:
        stats = client.get("/v1/graph").json()
        assert stats["entities"] >= 4 and stats["failed"] == 0 and stats["extractor"]
        marta, zorn = _find(client, "marta quill"), _find(client, "Emil Zorn")
        assert (
            marta["documents"] == 2 and client.get(f"/v1/graph/entities/{marta['id']}").json()["name"] == "Marta Quill"
        )
        places = client.get(f"/v1/graph/entities/{marta['id']}/mentions").json()["mentions"]
        assert {place["document"] for place in places} == set(_TEXTS)
        one = client.get(f"/v1/graph/entities/{marta['id']}/mentions", params={"document": places[0]["document_id"]})
        assert {place["document"] for place in one.json()["mentions"]} == {places[0]["document"]}
        beside = client.get(f"/v1/graph/entities/{zorn['id']}/neighbours").json()["neighbours"]
        assert "Hilda Brandt" in {each["entity"]["name"] for each in beside}
        proofs = client.get("/v1/graph/proofs", params={"source": zorn["id"], "target": marta["id"]}).json()["mentions"]
        assert [proof["snippet"] for proof in proofs] == ["The letter of Emil Zorn reached Marta Quill in Merrow."]
        local = client.get("/v1/graph/local", params={"entity": marta["id"], "depth": 2}).json()
        assert {"Marta Quill", "Emil Zorn", *_TEXTS} <= {node["name"] for node in local["nodes"]} and local["edges"]
        assert len(client.get("/v1/graph/communities").json()["communities"]) == 1
        answer = client.get("/v1/graph/export", params={"collection": "Papers"})
        assert answer.headers["content-type"] == "application/graphml+xml"
        assert "attachment" in answer.headers["content-disposition"]
        assert marta["id"] in networkx.read_graphml(io.BytesIO(answer.content))
        assert json.loads(client.get("/v1/graph/export", params={"format": "json"}).content)["nodes"]


def test_edits_over_http_are_seen_and_taken_back(graphed: Server) -> None:
    with graphed.client() as client:
        marta, hilda = _find(client, "marta quill"), _find(client, "hilda brandt")
        merged = client.post("/v1/graph/merge", json={"source": hilda["id"], "target": marta["id"]}).json()
        assert (merged["name"], merged["aliases"]) == ("Marta Quill", ["Hilda Brandt"])
        assert _find(client, "hilda brandt")["id"] == marta["id"]
        assert len(client.get("/v1/graph/entities/merged").json()["entities"]) == 1
        again = client.post("/v1/graph/merge", json={"source": hilda["id"], "target": marta["id"]})
        assert (again.status_code, again.json()["error"]["code"]) == (422, "usage")
        client.post("/v1/graph/split", json={"entity": marta["id"]})
        assert _find(client, "hilda brandt")["id"] == hilda["id"]
        client.post("/v1/graph/hide", json={"entity": hilda["id"]})
        assert _find(client, "", hidden=True)["name"] == "Hilda Brandt"
        assert client.post("/v1/graph/hide", json={"entity": hilda["id"], "hidden": False}).json()["hidden"] is False


def test_what_is_not_there_and_what_makes_no_sense(graphed: Server) -> None:
    with graphed.client() as client:
        assert client.get(f"/v1/graph/entities/{'0' * 32}").status_code == 404
        assert client.get(f"/v1/graph/entities/{'0' * 32}/mentions").status_code == 404
        assert client.post("/v1/graph/hide", json={"entity": "0" * 32}).status_code == 404
        assert client.get("/v1/graph/local", params={"depth": 4}).status_code == 422
        assert client.get("/v1/graph/export", params={"collection": "Nothing"}).status_code == 404
        assert client.get("/v1/graph/entities/bill gates").status_code == 422


def test_reading_keys_change_nothing(keyed: Keyed) -> None:
    with keyed.client("read") as client:
        assert client.get("/v1/graph").status_code == 200
        refused = [client.post(f"/v1/graph/{what}", json={}).status_code for what in ("merge", "split", "hide")]
        assert refused == [403, 403, 403]
    with keyed.client("write") as client:
        assert client.post("/v1/graph/hide", json={"entity": "0" * 32}).status_code == 404
