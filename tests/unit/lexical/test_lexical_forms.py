"""A word's forms in several languages are one word, as rare as all of them together."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_engine.core.protocols import LexicalEntry, LexicalQuery
from cortex_engine.lexical.tantivy_index import TantivyIndex


def test_a_passage_without_a_language_does_not_win_by_a_common_word(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path / "index")
    common = [LexicalEntry(f"en{number}", "d", "the signals arrive at noon", "", "en") for number in range(60)]
    index.add([*common, LexicalEntry("undecided", "d", "the signals arrive at noon", "", "")])
    index.add([LexicalEntry(f"other{number}", "d", "a boat lies in the harbour", "", "en") for number in range(60)])
    index.flush()
    scores = index.scores(LexicalQuery("signals", languages=("en",)), ["en0", "undecided"])
    assert scores["en0"] > 0
    assert scores["undecided"] == pytest.approx(scores["en0"], rel=0.05)
    index.close()
