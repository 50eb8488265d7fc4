"""The real application where libraries or checkpoints are missing or broken: it starts, says so, and does the rest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from cortex_engine.config import load_config
from cortex_engine.suite import CortexSuite
from tests.absent_kit import without
from tests.browser.browser_kit.server import App

pytestmark = pytest.mark.xdist_group("qwen3_vl")

INSTALL = "pip install -r requirements-qwen3-vl.txt"
EMBEDDING, RERANKER = "qwen3-vl embedding", "qwen3-vl reranker"
PLAIN = {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_OCR": "false", "HF_HUB_OFFLINE": "1", "QWEN3_VL_DEVICE": "cpu"}


@dataclass(frozen=True)
class Stock:
    """A library with 'Papers' (packaged model) and 'Pictures' (Qwen3-VL), and the folder of its checkpoints."""

    library: Path
    models: Path


@dataclass(frozen=True)
class Case:
    """What is missing, and what must be said of it.

    Attributes:
        absent: packages; embedding, reranker: models of the settings ("" for those of the library).
        states: of the two models of the settings; said: what the sentence on each holds.
        sees: whether the model of 'Pictures' works all the same.
        takes: whether a new collection can be made with the model of the settings.
    """

    absent: tuple[str, ...] = ()
    embedding: str = ""
    reranker: str = ""
    states: tuple[str, str] = ("absent", "absent")
    said: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sees: bool = False
    takes: bool = True


def lacking(package: str) -> dict[str, tuple[str, ...]]:
    """What both models must say of a package that is not installed."""
    return dict.fromkeys((EMBEDDING, RERANKER), (f"The package '{package}' is needed", INSTALL))


BROKEN = ("broken_", "SafetensorError", "Copy or fetch the model again")
OFFLINE = ("Qwen/Qwen3-VL-", "cannot be fetched (work is set to offline)", "Put its folder on this machine")
CASES = {
    "torch": Case(("torch", "torchvision"), said=lacking("torch")),
    "torchvision": Case(("torchvision", "flash_attn"), said=lacking("torchvision")),
    "sentence-transformers": Case(("sentence_transformers", "transformers"), said=lacking("sentence_transformers")),
    "broken checkpoint": Case(
        embedding="broken_embedding",
        reranker="Qwen/Qwen3-VL-Reranker-2B",
        said={EMBEDDING: BROKEN, RERANKER: OFFLINE},
        sees=True,
    ),
    "offline": Case(
        embedding="Qwen/Qwen3-VL-Embedding-2B",
        reranker="broken_reranker",
        said={EMBEDDING: OFFLINE, RERANKER: BROKEN},
        sees=True,
        takes=False,
    ),
    "nothing but flash-attn": Case(("flash_attn",), states=("healthy", "healthy"), sees=True),
}
"""In the last case torchvision is the build of PyPI (for CUDA), which cannot be imported beside torch's build for processors."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, qwen3_vl_models: Path, qwen3_vl_pictures: Path) -> Stock:
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("missing")
    made = Stock(folder / "library", folder / "models")
    for kind in ("embedding", "reranker"):
        shutil.copytree(qwen3_vl_models / f"trained_{kind}", made.models / f"trained_{kind}")
        shutil.copytree(qwen3_vl_models / f"trained_{kind}", made.models / f"broken_{kind}")
        weights = made.models / f"broken_{kind}" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    ferry = folder / "ferry.txt"
    ferry.write_text("The ferry leaves the northern quay at noon. Tickets are sold on board.", encoding="utf-8")
    with CortexSuite.open(loaded=load_config(made.library, PLAIN)) as suite:
        suite.ingest([ferry], "Papers")
    sees = {"QWEN3_VL_ENABLED": "1", "QWEN3_VL_EMBEDDING_MODEL": str(made.models / "trained_embedding")}
    with CortexSuite.open(loaded=load_config(made.library, PLAIN | sees)) as suite:
        suite.ingest([qwen3_vl_pictures / f"t_{name}.png" for name in ("yellow_cross", "red_circle")], "Pictures")
    return made


class Client(httpx.Client):
    """The application over HTTP."""

    def add(self, name: str, data: bytes, collection: str) -> httpx.Response:
        return self.post("ingest", files={"files": (name, data)}, data={"collection": collection})

    def find(self, words: str, **asked: Any) -> dict[str, Any]:
        return dict(self.post("search", json={"query": words, **asked}).raise_for_status().json())

    def settled(self) -> dict[str, Any]:
        """The health once every file is through and every model was tried."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            health = self.get("health").json()
            waiting = [job for job in self.get("jobs").json()["jobs"] if job["finished"] < job["total"]]
            if not waiting and not {"idle", "loading"} & {each["state"] for each in health["models"]}:
                return dict(health)
            time.sleep(0.3)
        raise AssertionError(f"not settled: {health}, {waiting}")

    def messages(self) -> dict[str, str]:
        """Name of a file -> what was said of it."""
        jobs = [self.get(f"jobs/{job['id']}").json() for job in self.get("jobs").json()["jobs"]]
        return {file["name"]: f"{file['state']} {file['message']}" for job in jobs for file in job["files"]}

    def complaints(self) -> dict[str, str]:
        """Check of the doctor -> what it says is wrong and how to mend it."""
        findings = self.post("care/doctor", json={}).raise_for_status().json()["findings"]
        return {each["check"]: f"{each['message']} {each['remedy']}" for each in findings if each["severity"] != "ok"}


@pytest.fixture
def running(request: pytest.FixtureRequest, stock: Stock, tmp_path: Path) -> Iterator[tuple[Case, Client, App]]:
    """The application on a copy of the library, with what a case lacks."""
    case = CASES[request.param]
    folder = tmp_path / "library"
    shutil.copytree(stock.library, folder)

    def model(name: str, kind: str) -> str:
        return name if "/" in name else str(stock.models / (name or f"trained_{kind}"))

    settings = {
        "QWEN3_VL_ENABLED": "true",
        "QWEN3_VL_EMBEDDING_MODEL": model(case.embedding, "embedding"),
        "QWEN3_VL_RERANKER_ENABLED": "true",
        "QWEN3_VL_RERANKER_MODEL": model(case.reranker, "reranker"),
        "OMP_NUM_THREADS": "1",
    }
    app = App(folder, {**PLAIN, **settings, **without(*case.absent)})
    try:
        with Client(base_url=f"{app.start().base}/api/v1/", timeout=60) as client:
            yield case, client, app
    finally:
        app.stop()


@pytest.mark.parametrize("running", list(CASES), indirect=True)
def test_the_application_says_what_is_missing_and_does_everything_else(
    running: tuple[Case, Client, App], qwen3_vl_pictures: Path
) -> None:
    case, client, app = running
    assert httpx.get(app.base).status_code == 200
    assert client.add("lamp.txt", b"The lamp of the lighthouse burns paraffin all night.", "Papers").status_code == 202
    square = (qwen3_vl_pictures / "t_blue_square.png").read_bytes()
    assert client.add("t_blue_square.png", square, "Pictures").status_code == 202
    assert client.add("boats.txt", b"A note about boats in the harbour.", "Pictures").status_code == 202
    assert client.add("bees.txt", b"Bees make honey.", "New").status_code == (202 if case.takes else 503)
    health = client.settled()

    _tells_states(case, health, client.complaints())
    _tells_files(case, client.messages())
    _finds_papers(client)
    _finds_pictures(case, client)
    assert "Traceback" not in app.log
    assert app.stop() == 0


def _tells_states(case: Case, health: dict[str, Any], complaints: dict[str, str]) -> None:
    states = [(each["role"], each["state"]) for each in health["models"]]
    assert ("embedding", "healthy") in states
    for role, state in zip((EMBEDDING, RERANKER), case.states, strict=True):
        assert (role, state) in states
        assert (role in health["degraded"]) == (state != "healthy")
    assert health["status"] == ("degraded" if case.said else "ready")
    for role, words in case.said.items():
        told = complaints[role if role == EMBEDDING else "reranker"]
        wanted = ("hf download Qwen/Qwen3-VL-",) if words is OFFLINE else words
        assert all(word in told for word in wanted), told
    if not case.said:
        assert not {EMBEDDING, "reranker", "torchvision"} & set(complaints)


def _tells_files(case: Case, messages: dict[str, str]) -> None:
    assert messages["lamp.txt"] == "done "
    waits = "Found by words only until the model is there"
    for name in ("boats.txt", "t_blue_square.png"):
        assert messages[name].startswith("done"), messages[name]
        assert (case.said.get(EMBEDDING, ("",))[0] in messages[name] and "model is there" in messages[name]) == (
            not case.sees
        )
    if case.takes:
        assert messages["bees.txt"].startswith(f"done {waits}" if case.said else "done ")


def _finds_papers(client: Client) -> None:
    """By words and by meaning, whatever is missing; also when everything is asked at once."""
    assert client.find("paraffin", mode="lexical", rerank=False)["hits"][0]["document"] == "lamp.txt"
    for scope in (["Papers"], []):
        for mode in ("vector", "hybrid"):
            found = client.find("when does the ship depart?", mode=mode, collections=scope, rerank=False)
            papers = [hit["document"] for hit in found["hits"] if hit["document"] in {"ferry.txt", "lamp.txt"}]
            assert papers == ["ferry.txt", "lamp.txt"], (scope, mode, found)


def _finds_pictures(case: Case, client: Client) -> None:
    asked = {"collections": ["Pictures"], "mode": "vector", "kinds": ["picture"]}
    if case.sees:
        found = client.find("a yellow cross", rerank=False, **asked)
        assert found["hits"][0]["document"] == "t_yellow_cross.png"
        assert len(found["hits"]) == 3
        assert not found["degraded"]
    else:
        refused = client.post("search", json={"query": "a yellow cross", **asked})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_unavailable")
        found = client.find("boats harbour", rerank=False)
        assert found["hits"][0]["document"] == "boats.txt"
        (sentence,) = found["warnings"]
        assert all(word in sentence for word in case.said[EMBEDDING]), sentence
        assert "Collections made with 'trained_embedding' were searched by keywords alone." in sentence
        assert set(found["degraded"]) == {"vector", "picture"}
    _ranks(case, client)


def _ranks(case: Case, client: Client) -> None:
    """Reranking is switched on: it takes part, or the warning says why it does not."""
    found = client.find("when does the ferry leave?", collections=["Papers"])
    assert found["hits"]
    if RERANKER in case.said:
        assert found["degraded"] == ["rerank"]
        assert all(word in found["warnings"][0] for word in case.said[RERANKER]), found["warnings"]
    else:
        assert found["degraded"] == []
        assert all(hit["relevance"] is not None for hit in found["hits"])
