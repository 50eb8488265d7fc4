"""Whatever a text holds: places hold, nothing overlaps, and neither order nor cutting makes a difference it should not."""

from __future__ import annotations

import datetime
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_engine.core.graph import DocumentGraph, GraphPassage, WaitingGraph
from cortex_engine.core.names import fold
from cortex_engine.graph.abbreviations import abbreviations
from cortex_engine.graph.extraction import RuleExtractor
from cortex_engine.graph.finds import Find, without_overlaps
from cortex_engine.graph.naming import Naming
from cortex_engine.graph.patterns import iso_date
from cortex_engine.graph.reading import Reading

_WORDS = st.sampled_from(
    [
        "Bill",
        "Gates",
        "gates",
        "Microsoft",
        "Corp.",
        "Inc.",
        ",",
        ".",
        ";",
        ":",
        "the",
        "The",
        "of",
        "and",
        "de",
        "von",
        "&",
        "-",
        "'",
        "'s",
        '"',
        "“",
        "”",
        "(",
        ")",
        "|",
        "\t",
        "\n",
        "\n\n",
        "2016",
        "May",
        "7",
        "7th",
        "IBM",
        "U.S.",
        "J.",
        "Dr.",
        "President",
        "University",
        "Year",
        "No",
        "Figure",
        "IV",
        "iPhone",
        "6PR",
        "$5",
        "5%",
        "a@b.co",
        "《红》",
        "東京",
        "Émile",
        "ß",
        "İ",
        "ﬁ",
        "🙂",
        "\xad",
        "\u200b",
        "İstanbul",
        "ǅ",
        "x",
    ]
)
_TEXTS = st.lists(_WORDS, max_size=40).map(" ".join) | st.text(max_size=60)
_RULES = RuleExtractor()


def extract(passages: list[GraphPassage], language: str) -> DocumentGraph:
    return _RULES.extract(WaitingGraph("d", "n", language, passages))


@settings(max_examples=120, deadline=None)
@given(_TEXTS, st.integers(0, 60), st.integers(0, 30), st.sampled_from(["en", "de", "", "zh"]))
def test_every_place_holds(text: str, cut: int, overlap: int, language: str) -> None:
    passages = [
        GraphPassage("a", text[:cut], 5),
        GraphPassage("b", text[max(0, cut - overlap) :], 5 + max(0, cut - overlap)),
    ]
    graph = extract(passages, language)
    texts = {passage.chunk_id: passage for passage in passages}
    end = 0
    for mention in graph.mentions:
        passage = texts[mention.chunk_id]
        assert mention.char_start >= end
        end = mention.char_end
        assert passage.text[mention.char_start - passage.char_start : end - passage.char_start] == mention.surface
    assert all(fold(entity.name) for entity in graph.entities)
    assert len({fold(entity.name) for entity in graph.entities}) == len(graph.entities)
    assert {mention.name for mention in graph.mentions} == {entity.name for entity in graph.entities}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.booleans(), st.booleans()), max_size=15), st.randoms()
)
def test_finds_never_overlap_and_order_does_not_matter(rows: list[tuple[int, int, bool, bool]], dice: object) -> None:
    finds = [
        Find(start, start + size, f"N{start}", certain=certain, weak=weak) for start, size, certain, weak in set(rows)
    ]
    kept = without_overlaps(finds)
    assert all(before.end <= after.start for before, after in itertools.pairwise(kept))
    assert all(any(find.start < other.end and other.start < find.end for other in kept) for find in finds)
    assert [(find.start, find.end) for find in without_overlaps(reversed(finds))] == [(f.start, f.end) for f in kept]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["Bill Gates", "Gates", "Bill", "Gates Corp.", "GATES", "IBM", "IBMs", "The Bank", "Union Bank", "Bank"]
        ),
        max_size=9,
    )
)
def test_every_find_has_one_name_that_names_itself(names: list[str]) -> None:
    naming = Naming([Find(n * 20, n * 20 + len(name), name) for n, name in enumerate(names)])
    for name in names:
        called = naming.canonical(name)
        assert called
        assert naming.canonical(called) == called


@settings(max_examples=80, deadline=None)
@given(_TEXTS)
def test_long_forms_stand_in_the_text_and_hold_the_first_letter(text: str) -> None:
    for found in abbreviations(text):
        assert text[found.short_start :].startswith(found.short)
        assert text[found.long_start :].startswith(found.long)
        assert found.long[0].lower() == next(letter for letter in found.short.lower() if letter.isalnum())


@settings(max_examples=60, deadline=None)
@given(st.dates(min_value=datetime.date(1500, 1, 1), max_value=datetime.date(2040, 12, 31)))
def test_iso_dates_are_read_as_they_are(day: object) -> None:
    assert iso_date(str(day)) == str(day)
    assert iso_date(f"{day:%d}.{day:%m}.{day:%Y}") == str(day)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=50), st.lists(st.integers(0, 50), max_size=6))
def test_reading_holds_every_character_once(text: str, cuts: list[int]) -> None:
    borders = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    passages = [GraphPassage(str(a), text[max(0, a - 3) : b], max(0, a - 3)) for a, b in itertools.pairwise(borders)]
    reading = Reading(passages)
    assert "".join(stretch.text for stretch in reading.stretches) == text
    for passage in passages:
        for start in range(len(passage.text)):
            holder = reading.holder(passage.char_start + start, passage.char_start + start + 1)
            assert holder is not None
