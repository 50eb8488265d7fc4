"""`scripts/test_reranker_integration.py` believes a reranker that works, and none that does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("qwen3_vl")


def examined(model: Path | str, *more: str) -> tuple[int, str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "QWEN3_VL_DEVICE": "cpu", "CORTEX_OFFLINE": "true"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "test_reranker_integration.py"), "--model", str(model), *more],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout


def test_it_passes_on_the_trained_checkpoint(qwen3_vl_models: Path) -> None:
    status, printed = examined(qwen3_vl_models / "trained_reranker", "--json")
    found: dict[str, Any] = json.loads(printed)
    assert [(part["name"], part["passed"]) for part in found["parts"]] == [
        ("loading", True),
        ("relevance", True),
        ("pipeline", True),
    ]
    assert found["parts"][1]["figures"]["pictures_first"] == 1.0
    assert (status, found["passed"]) == (0, True)


def test_it_fails_on_random_weights_with_a_sentence(qwen3_vl_models: Path) -> None:
    status, printed = examined(qwen3_vl_models / "bare_reranker")
    assert status == 1
    assert "FAILED  loading: The reranker 'bare_reranker' is not used: scores look random" in printed
    assert printed.endswith("The reranker cannot be relied on.\n")
