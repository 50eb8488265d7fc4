"""Marks in texts: what the index would find, at its place in the text as it stands."""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.lexical.highlights import Highlighter, NormalisedText
from cortex_engine.lexical.tokenizer import Tokenizer, normalise


def marked(text: str, words: str = "", phrases: tuple[str, ...] = (), language: str = "en") -> list[str]:
    spans = Highlighter(LexicalQuery(words, phrases, (), (language,))).marks(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] < second[0] for first, second in pairwise(spans))
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("The training of trainers; untrained.", "train", ["training"]),
        ("Résumé, RESUME and re\u0301sume\u0301.", "resume", ["Résumé", "RESUME", "re\u0301sume\u0301"]),
        ("Eﬃcient oﬃces", "efficient office", ["Eﬃcient", "oﬃces"]),
        ("hyphen\u00adation and hyphenation", "hyphenation", ["hyphen\u00adation", "hyphenation"]),
        ("in-batch negatives", "batch", ["batch"]),
        ("In-batch inbatch", "in-batch", ["In-batch", "inbatch"]),
        ("SR-71 and sr71 and 71", "sr71", ["SR-71", "sr71", "71"]),
        ("C++ and C# and C", "c++", ["C++", "C", "C"]),
        ("John's house", "john", ["John"]),
        ("the s of John", "john's", ["John"]),
        ("Straße, strasse", "STRASSE", ["Straße", "strasse"]),
        ("nothing here", "elsewhere", []),
        ("", "word", []),
        ("ﬀ ﬀord", "fford", ["ﬀord"]),
    ],
)
def test_words_are_marked_as_the_index_finds_them(text: str, words: str, expected: list[str]) -> None:
    assert marked(text, words) == expected


def test_stems_of_the_language_apply() -> None:
    assert marked("Häuser und Haus", "Haus", language="de") == ["Häuser", "Haus"]
    assert marked("Häuser und Haus", "Haus", language="") == ["Haus"]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("東京タワーの夜景、京都", "東京タワー", ["東京タワー"]),
        ("北京大学和南京大学", "南京", ["南京"]),
        ("漢字と仮名", "漢", ["漢"]),
        ("삼성카드의 포인트", "포인트", ["포인트"]),
        ("ﾊﾞﾝｸ and バンク", "バンク", ["ﾊﾞﾝｸ", "バンク"]),
        ("ประเทศไทยสวยงาม", "ไทย", ["ไทย"]),
        ("שָׁלוֹם עולם", "שלום", ["שָׁלוֹם"]),
        ("تُعْتَبَرُ البرمجة", "البرمجة", ["البرمجة"]),
    ],
)
def test_other_scripts(text: str, words: str, expected: list[str]) -> None:
    assert marked(text, words, language="") == expected


def test_phrases_are_marked_whole_and_only_whole() -> None:
    text = "The trace tree. A tree, a trace; trace-tree, trace:\n  TREE trace trees"
    assert marked(text, phrases=("trace tree",)) == ["trace tree", "trace-tree", "trace:\n  TREE"]
    assert marked("to be, or not to be", phrases=("not to be",)) == ["not to be"]
    assert marked("東京タワーへ", phrases=("京タワ",)) == ["京タワ"]
    assert marked("der Eﬀekt der Wende", phrases=("effekt der",)) == ["Eﬀekt der"]
    assert marked("a a a a", phrases=("a a",)) == ["a a", "a a"]


def test_function_words_are_left_out_unless_quoted() -> None:
    query = LexicalQuery("the choice of in-batch negatives", ("of the",), (), ("en",))
    found = Highlighter(query, frozenset({"the", "of", "in"})).marks("Of the choices in the in-batch negative")
    assert found == ((0, 6), (7, 14), (22, 30), (31, 39))


_LETTERS = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("aeinrst ß-'.ﬁİıéÅ\u0301\u0327\u00ad\u200d각\u1100\u1161\u11a8漢字カﾞが\u3099हिन्दीשָ"),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(_LETTERS)
def test_normalised_text_is_what_the_index_sees(text: str) -> None:
    expected, seen = normalise(text), NormalisedText(text)
    # Marks that stand alone may melt otherwise at the very edges; the words are the same.
    assert Tokenizer().words(seen.text) == Tokenizer().words(expected)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(alphabet="abcéßﬁ東京漢字ंहि\u0301\u00ad한글", min_size=1, max_size=8), min_size=1, max_size=8),
    st.data(),
)
def test_every_word_of_a_text_is_found_at_its_place(words: list[str], data: st.DataObject) -> None:
    words = [word for word in words if not unicodedata.category(word[0]).startswith(("M", "C"))]
    if not words:
        return
    text, word = " ".join(words), data.draw(st.sampled_from(words))
    spans = Highlighter(LexicalQuery(word, (), (), ("",))).marks(text)
    start = len(" ".join(words[: words.index(word)])) + bool(words.index(word))
    covered = {place for first, last in spans for place in range(first, last)}
    wanted = {start + index for index, letter in enumerate(word) if letter != "\u00ad"}
    assert wanted <= covered | {place for place in wanted if unicodedata.category(text[place])[0] == "M"}


@pytest.mark.parametrize(
    "sample", ["The club’s training of footballers, in-batch. ", "新鲜甘草黄酮养分，", "eﬃcient ", "a-", "ab'c."]
)
@pytest.mark.parametrize("query", [("football 养分 efficient", ()), ("", ("training of footballers",))])
def test_a_page_of_a_megabyte_takes_no_time(sample: str, query: tuple[str, tuple[str, ...]]) -> None:
    text = (sample * (1_000_000 // len(sample.encode()) + 1))[:1_000_000]
    Highlighter(LexicalQuery(*query, (), ("en",))).marks(text[:1000])
    began = time.process_time()
    Highlighter(LexicalQuery(*query, (), ("en",))).marks(text)
    assert time.process_time() - began < 1.5  # 0.1 to 0.4 s on a quiet core; something quadratic takes minutes
