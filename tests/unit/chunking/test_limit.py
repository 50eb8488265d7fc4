"""How long a passage may be when nothing, or something, is set."""

from __future__ import annotations

import pytest

from cortex_engine.core.options import ChunkOptions


@pytest.mark.parametrize(
    ("asked", "model", "limit"),
    [(0, 256, 256), (0, 512, 512), (0, 8192, 512), (1000, 8192, 1000), (1000, 256, 256), (64, 8192, 64)],
)
def test_a_model_that_reads_much_is_not_given_whole_chapters(asked: int, model: int, limit: int) -> None:
    assert ChunkOptions(max_tokens=asked).limit(model) == limit
