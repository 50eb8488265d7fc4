"""Searching by pictures and reranking over HTTP and on the command line, with the real (tiny, trained) Qwen3-VL models."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.api.conftest import TEXTS, Server
from tests.api.test_command_line_and_application import asked, cortex

pytestmark = pytest.mark.xdist_group("qwen3_vl")


def test_pictures_and_reranking_over_http_and_on_the_command_line(
    serve: Callable[..., Server], qwen3_vl_models: Path, qwen3_vl_pictures: Path, tmp_path: Path
) -> None:
    server = serve(
        CORTEX_EMBEDDING_BACKEND="qwen3_vl",
        QWEN3_VL_EMBEDDING_MODEL=str(qwen3_vl_models / "trained_embedding"),
        QWEN3_VL_RERANKER_MODEL=str(qwen3_vl_models / "trained_reranker"),
        CORTEX_RERANKER="qwen3_vl",
        CORTEX_OCR="false",
        OMP_NUM_THREADS="1",
    )
    names = ("t_yellow_cross.png", "t_red_cross.png", "t_yellow_circle.png", "t_blue_square.png")
    with server.client() as client:
        files = [("files", (name, (qwen3_vl_pictures / name).read_bytes())) for name in names]
        files += [("files", (name, text.encode())) for name, text in TEXTS.items()]
        job = client.post("/v1/ingest", files=files, data={"collection": "Mixed"}).json()
        assert server.wait(client, job["id"])["job"]["counts"] == {"done": 6}

        question = {
            "query": "a yellow cross",
            "rerank": False,
            "trace": True,
            "kinds": ["picture"],
            "picture_weight": 1,
        }
        found = client.post("/v1/search", json=question).json()
        hit = found["hits"][0]
        assert (hit["document"], hit["kind"], hit["relevance"]) == ("t_yellow_cross.png", "picture", None)
        assert {"picture", "description"} <= {step["stage"] for step in found["trace"]}
        assert client.get(f"/v1/documents/{hit['document_id']}/pages/1.webp").headers["content-type"] == "image/webp"

        stream = io.BytesIO()
        with Image.open(qwen3_vl_pictures / names[3]) as picture:
            picture.convert("RGB").rotate(2).save(stream, "JPEG")
        reference = client.post("/v1/search/pictures", files={"files": ("mine.jpg", stream.getvalue())}).json()[
            "picture"
        ]
        for asks in (reference, base64.b64encode(stream.getvalue()).decode()):
            like = client.post("/v1/search", json={"query": "", "picture": asks}).json()
            assert like["hits"][0]["document"] == names[3], like
        more = client.post("/v1/search", json={"query": "", "picture": hit["chunk_id"]}).json()["hits"]
        assert "t_yellow_cross.png" not in {each["document"] for each in more}

        reranked = client.post(
            "/v1/search", json={"query": "a yellow cross", "rerank_top_k": 2, "kinds": ["picture"]}
        ).json()
        assert reranked["hits"][0]["document"] == "t_yellow_cross.png" and reranked["degraded"] == []
        assert reranked["hits"][0]["relevance"] > reranked["hits"][1]["relevance"]
        body = {"query": "a red circle", "documents": ["a blue square", "a red circle"], "top_n": 1, "model": "any"}
        ranked = client.post("/v1/rerank", json=body).json()["results"]
        assert [each["index"] for each in ranked] == [1] and 0 < ranked[0]["relevance_score"] <= 1

    before = asked(server, "/v1/search/pictures")
    mine = tmp_path / "mine picture.jpg"
    mine.write_bytes(stream.getvalue())
    told = cortex(server, "search", "--picture", mine, "--kind", "picture", "--no-rerank", "--json")
    first = json.loads(told.stdout)["hits"][0]
    assert (first["document"], first["kind"]) == (names[3], "picture")
    assert asked(server, "/v1/search/pictures") == before + 1, "the application was asked"
    shown = cortex(
        server, "search", "a yellow cross", "--rerank", "--rerank-top-k", "2", "--picture-weight", "1"
    ).stdout
    assert "by look (cosine 0.9" in shown and "by the reranker (" in shown
    told = cortex(server, "search", "--picture", tmp_path / "nothing.png", code=2)
    assert "There is no file" in told.stderr


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/search", {"query": "x", "picture": "no base64!"}, "neither base64 nor a reference"),
        ("/v1/search", {"query": "", "picture": base64.b64encode(b"no picture").decode()}, ""),
        ("/v1/search", {"query": "", "picture": "0" * 64}, "read text only"),
        ("/v1/search", {"query": "x", "picture_weight": 2}, ""),
        ("/v1/search", {"query": "x", "kinds": ["sound"]}, ""),
        ("/v1/search", {"query": "x", "mode": "lexical", "kinds": ["picture"]}, "not found by words"),
        ("/v1/rerank", {"query": "x", "documents": ["a"]}, "No reranker is chosen"),
        ("/v1/rerank", {"query": "x", "documents": []}, ""),
    ],
)
def test_what_makes_no_sense_is_refused(open_server: Server, path: str, body: dict[str, object], says: str) -> None:
    with open_server.client() as client:
        answer = client.post(path, json=body)
        assert answer.status_code in {404, 422}, answer.text
        assert says in answer.json()["error"]["message"]


def test_a_picture_asked_of_texts_alone_names_the_collections(open_server: Server, qwen3_vl_pictures: Path) -> None:
    with open_server.client() as client:
        picture = (qwen3_vl_pictures / "t_red_cross.png").read_bytes()
        reference = client.post("/v1/search/pictures", files={"files": ("a.png", picture)}).json()["picture"]
        refused = client.post("/v1/search", json={"query": "", "picture": reference})
        assert refused.status_code == 422 and "'Papers'" in refused.json()["error"]["message"]
        words = client.post("/v1/search", json={"query": "puffin", "picture": reference, "rerank": True}).json()
        assert words["hits"][0]["document"] == "birds.txt" and set(words["degraded"]) == {"picture", "rerank"}
        two = client.post("/v1/search/pictures", files=[("files", ("a.png", picture)), ("files", ("b.png", picture))])
        assert two.status_code == 422
