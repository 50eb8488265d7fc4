"""Names of models on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.core.errors import UsageError
from cortex_engine.core.model_targets import ModelTarget, parse_target


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("packaged", ModelTarget("packaged")),
        (" hashing ", ModelTarget("hashing")),
        ("sentence_transformer:BAAI/bge-m3", ModelTarget("sentence_transformer", "BAAI/bge-m3")),
        ("sentence_transformer:/a@b/c@12", ModelTarget("sentence_transformer", "/a@b/c@12")),
        ("qwen3_vl", ModelTarget("qwen3_vl")),
        ("qwen3_vl@512", ModelTarget("qwen3_vl", "", 512)),
        ("qwen3_vl:Qwen/Qwen3-VL-Embedding-2B@1024", ModelTarget("qwen3_vl", "Qwen/Qwen3-VL-Embedding-2B", 1024)),
        (r"qwen3_vl:C:\models\a@home", ModelTarget("qwen3_vl", r"C:\models\a@home")),
    ],
)
def test_targets_are_read(target: str, expected: ModelTarget) -> None:
    assert parse_target(target) == expected


@pytest.mark.parametrize(
    "target", ["", "qwen", "qwen3_vl:", "qwen3_vl@", "qwen3_vl@x", "qwen3_vl@0", "packaged:x", "qwen3_vl:@512", ":x"]
)
def test_what_names_no_model_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match="names no embedding model"):
        parse_target(target)


@given(st.text(st.characters(categories=("L", "N"), include_characters="/-_."), min_size=1), st.none() | st.integers(1))
def test_a_written_target_reads_back(model: str, dimension: int | None) -> None:
    target = ModelTarget("qwen3_vl", model, dimension)
    assert parse_target(str(target)) == target
