"""Answers by a real server of a real (tiny, random) language model: what it says is nonsense, and is marked so."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cortex_engine.config import load_config
from cortex_engine.core.answers import Proof, Question
from cortex_engine.core.app import ModelState
from cortex_engine.core.search import Query
from cortex_engine.suite import CortexSuite
from tests.tiny_chat_model import SERVE, write_chat_model

pytestmark = pytest.mark.xdist_group("qwen3_vl")
ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """`transformers serve` with the tiny model: its address, and the model's name there."""
    folder = write_chat_model(tmp_path_factory.mktemp("chat") / "tiny")
    port, log = _free_port(), folder.parent / "server.log"
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SERVE, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--device", "cpu", "--dtype", "float32"],
        cwd=ROOT,
        env=environ,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(600):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
            assert process.poll() is None, log.read_text()
        else:
            raise AssertionError(log.read_text())
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.terminate()
        process.wait(20)


def test_a_real_model_streams_condenses_explains_and_its_nonsense_is_marked(
    served: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "birds.txt").write_text(
        "The puffin digs a burrow in the cliff.\n\nThe kittiwake nests on ledges above the sea."
    )
    address, model = served
    environ = {
        "RUNPOD_API_BASE": address,
        "CORTEX_VISION_MODEL": model,
        "CORTEX_ANSWER_MAX_TOKENS": "50",
        "CORTEX_GRAPH": "false",
    }
    environ |= {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_EXPLAIN_HITS": "true"}
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as suite:
        suite.ingest([tmp_path / "birds.txt"], "Papers")
        assert suite.chat_status().state is ModelState.IDLE
        events = list(suite.answer_events("Where does the puffin dig its burrow?"))
        answer = events[-1].answer
        assert answer is not None
        pieces = [event.text for event in events if event.text]
        assert len(pieces) > 10, "it came bit by bit"
        assert answer.writer.endswith("at 127.0.0.1")
        assert answer.sentences
        assert all(each.proof is Proof.UNVERIFIED and each.reason for each in answer.sentences), answer.sentences
        assert any("reached the limit of 50 tokens" in note for note in answer.notes)
        assert any("No sentence of this answer could be verified" in note for note in answer.notes)
        second = suite.answer(Question("And where does it sleep?", conversation_id=answer.conversation_id))
        assert "puffin" in second.searched
        assert any("did not make a question of it" in note for note in second.notes)
        result = suite.search(Query("puffin"))
        while "" in suite.explanations(result).values():
            time.sleep(0.05)
        assert set(suite.explanations(result)) == {hit.chunk_id for hit in result.hits}
        assert suite.chat_status().state is ModelState.HEALTHY
