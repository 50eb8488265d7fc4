"""What every backend of the port `LexicalIndex` must do."""

import math

import pytest

from cortex_engine.core.protocols import LexicalEntry, LexicalIndex, LexicalQuery
from cortex_engine.lexical.tantivy_index import TantivyIndex

ENTRIES = (
    LexicalEntry("a1", "a", "The quick brown foxes jumped over the lazy dog.", "Animals", "en"),
    LexicalEntry("a2", "a", "A brown bear, quick to anger.", "Animals", "en"),
    LexicalEntry("b1", "b", "Die Häuser an der Straße wurden überraschend verkauft.", "Immobilien", "de"),
    LexicalEntry("c1", "c", "黑豹队的防守丢了308分。", "超级碗", "zh"),
    LexicalEntry("d1", "d", "The SR-71 flew at 3.2 Mach; mail jane.doe@example.org about foo_bar v1.2.3.", "Jet", "en"),
    LexicalEntry("e1", "e", "Un résumé de l'été à Besançon.", "Notes", ""),
)
SYNTAX = (
    "AND OR NOT ( ) [ ] { } : * ? ~ ^ \" ' \\ / + - && || !",
    'fox" OR body:"*',
    "chunk_id:a1",
    "brown AND (",
    "/[a-z]+/",
    "*:*",
    "title:[a TO z]",
    "\x00\ufffe\u202e fox",
)

BACKENDS = {"tantivy": lambda folder: TantivyIndex(folder / "index")}


@pytest.fixture(params=sorted(BACKENDS))
def index(request, tmp_path):
    made = BACKENDS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def filled(index):
    index.add(ENTRIES)
    index.flush()
    return index


def found(index, text="", top_k=10, documents=None, **conditions):
    return [item.chunk_id for item in index.match(LexicalQuery(text, **conditions), top_k, documents)]


def test_it_is_a_lexical_index(index):
    assert isinstance(index, LexicalIndex)


def test_an_empty_index_finds_nothing(index):
    assert found(index, "fox") == []
    assert index.count() == 0
    assert index.ids() == set()
    assert index.scores(LexicalQuery("fox"), ["a1"]) == {"a1": 0.0}
    moments = index.moments(LexicalQuery("fox"))
    assert (moments.mean, moments.deviation, moments.count) == (0.0, 0.0, 0)


def test_ranking_names_its_stage_and_falls(filled):
    ranking = filled.match(LexicalQuery("quick brown fox"), 10)
    assert ranking.stage == "lexical"
    assert [item.chunk_id for item in ranking] == ["a1", "a2"]
    assert ranking.items[0].score > ranking.items[1].score > 0


def test_nothing_is_visible_before_flush_and_all_after(index):
    index.add(ENTRIES[:1])
    assert found(index, "fox") == []
    index.flush()
    assert found(index, "fox") == ["a1"]


def test_adding_again_replaces(filled):
    filled.add([LexicalEntry("a1", "a", "now about whales", "Animals", "en"), ENTRIES[1], ENTRIES[1]])
    filled.flush()
    assert filled.count() == len(ENTRIES)
    assert found(filled, "fox") == []
    assert found(filled, "whale") == ["a1"]


def test_removing_documents(filled):
    filled.remove({"a", "unknown"})
    filled.flush()
    assert filled.ids() == {"b1", "c1", "d1", "e1"}
    assert filled.count() == 4
    assert found(filled, "brown") == []
    filled.remove([])
    filled.flush()
    assert filled.count() == 4


def test_a_removed_document_can_come_back_in_the_same_batch(filled):
    filled.remove(["a"])
    filled.add(ENTRIES[:2])
    filled.flush()
    assert filled.count() == len(ENTRIES)
    assert found(filled, "fox") == ["a1"]


@pytest.mark.parametrize(
    ("text", "languages", "chunk_id"),
    [
        ("fox", ("en",), "a1"),
        ("FOXES jumping", ("en", "de"), "a1"),
        ("Haus", ("de",), "b1"),
        ("haus", (), "b1"),
        ("strasse", (), "b1"),
        ("STRASSE", ("en", "de", "zh"), "b1"),
        ("ueberraschend", ("de",), "b1"),
        ("防守", (), "c1"),
        ("豹", (), "c1"),
        ("分", ("zh",), "c1"),
        ("308", (), "c1"),
        ("SR71", ("en",), "d1"),
        ("sr-71", ("en",), "d1"),
        ("71", ("en",), "d1"),
        ("jane.doe@example.org", ("en",), "d1"),
        ("doe", (), "d1"),
        ("foo_bar", (), "d1"),
        ("foobar", (), "d1"),
        ("v1.2.3", (), "d1"),
        ("resume", (), "e1"),
        ("été", ("fr", "en"), "e1"),
        ("BESANCON", (), "e1"),
        ("immobilien", ("de",), "b1"),
        ("超级", ("zh",), "c1"),
    ],
)
def test_words_are_found_in_every_form_a_person_may_type(filled, text, languages, chunk_id):
    assert found(filled, text, languages=languages) == [chunk_id]


def test_a_word_counts_once_in_however_many_languages_it_is_stemmed(filled):
    alone = filled.scores(LexicalQuery("foxes", languages=("en",)), ["a1"])["a1"]
    assert filled.scores(LexicalQuery("foxes", languages=("en", "de", "fr", "es")), ["a1"])["a1"] == alone > 0


def test_phrases_hold_word_after_word(filled):
    assert found(filled, phrases=("quick brown",)) == ["a1"]
    assert found(filled, "bear", phrases=("quick brown",)) == ["a1"]
    assert found(filled, phrases=("brown quick",)) == []
    assert found(filled, phrases=("quick brown", "lazy dog")) == ["a1"]
    assert found(filled, phrases=("quick brown", "brown bear")) == []
    assert found(filled, phrases=("brown fox",)) == [], "a phrase is taken as it stands: the text says foxes"
    assert found(filled, phrases=("豹队的防",)) == ["c1"]
    assert found(filled, phrases=("豹的",)) == []
    assert found(filled, phrases=("SR-71 flew",)) == ["d1"]


def test_no_phrase_reaches_from_title_into_text(filled):
    assert found(filled, phrases=("animals the",)) == []


def test_excluded_words_and_phrases(filled):
    assert found(filled, "brown", excluded=("bear",)) == ["a1"]
    assert found(filled, "brown", excluded=("quick brown",)) == ["a2"]
    assert found(filled, "brown", excluded=("animals",)) == []
    assert found(filled, "brown", excluded=("", "---")) == found(filled, "brown")
    assert found(filled, excluded=("bear",)) == []


def test_only_the_asked_documents(filled):
    assert found(filled, "brown haus 308", documents={"b", "c"}) == sorted(found(filled, "haus 308"))
    assert found(filled, "brown", documents=[]) == []
    assert found(filled, "brown", documents=["nope"]) == []
    everywhere = filled.match(LexicalQuery("brown bear"), 1).items[0]
    assert filled.match(LexicalQuery("brown bear"), 1, {"a"}).items[0] == everywhere, "a filter must not change scores"


@pytest.mark.parametrize("text", SYNTAX)
def test_query_text_is_never_syntax(filled, text):
    hits = found(filled, text)
    assert set(hits) <= filled.ids()
    assert ("a1" in hits) == any(word in text for word in ("fox", "brown"))
    filled.permits(LexicalQuery("", phrases=(text,), excluded=(text,)), ["a1"])
    filled.moments(LexicalQuery(text, phrases=(text,)))


def test_scores_agree_with_match(filled):
    query = LexicalQuery("quick brown bear 308", excluded=("foxes",))
    matched = {item.chunk_id: item.score for item in filled.match(query, 10)}
    scores = filled.scores(query, ["a1", "a2", "c1", "b1", "unknown"])
    assert scores == {"a1": 0.0, "b1": 0.0, "unknown": 0.0, **matched}
    assert filled.scores(query, []) == {}


def test_permits(filled):
    ids = ["a1", "a2", "b1", "unknown"]
    assert filled.permits(LexicalQuery("", phrases=("quick brown",)), ids) == {"a1"}
    assert filled.permits(LexicalQuery("", excluded=("bear",)), ids) == {"a1", "b1"}
    assert filled.permits(LexicalQuery("whatever"), ["a1", "b1"]) == {"a1", "b1"}
    assert filled.permits(LexicalQuery("", phrases=("quick",)), []) == set()


def test_moments_are_those_of_all_passages_in_scope(filled):
    query = LexicalQuery("quick brown bear")
    scores = list(filled.scores(query, sorted(filled.ids())).values())
    mean = sum(scores) / len(scores)
    moments = filled.moments(query)
    assert moments.count == len(ENTRIES)
    assert moments.mean == pytest.approx(mean)
    assert moments.deviation == pytest.approx(math.sqrt(sum((s - mean) ** 2 for s in scores) / len(scores)))
    inside = filled.moments(query, {"a"})
    assert inside.count == 2
    assert inside.mean == pytest.approx((scores[0] + scores[1]) / 2)


def test_coverage_is_the_share_of_the_words_that_a_passage_holds_by_their_rarity(filled):
    every = ["a1", "a2", "b1", "c1"]
    assert filled.coverage(LexicalQuery("quick brown fox"), every) == {
        "a1": pytest.approx(1.0),
        "a2": pytest.approx(filled.coverage(LexicalQuery("fox quick brown"), ["a2"])["a2"]),
        "b1": 0.0,
        "c1": 0.0,
    }
    both, rare = LexicalQuery("quick brown fox"), LexicalQuery("quick fox")
    assert 0 < filled.coverage(both, ["a2"])["a2"] < 1
    # Half of the words, but the commoner half: less than half of what there is to hold.
    assert 0 < filled.coverage(rare, ["a2"])["a2"] < 0.5
    # What no passage holds is as rare as can be, and nobody has it.
    assert filled.coverage(LexicalQuery("fox zeppelin"), ["a1"])["a1"] < 0.6
    assert filled.coverage(LexicalQuery("zeppelin"), every) == dict.fromkeys(every, 0.0)
    # Titles count, other scripts too; a word is held or not, however often it stands there.
    assert filled.coverage(LexicalQuery("animals"), ["a1"])["a1"] == pytest.approx(1.0)
    assert filled.coverage(LexicalQuery("黑豹队的防守"), ["c1"])["c1"] == pytest.approx(1.0)
    assert filled.coverage(LexicalQuery("fox fox fox"), ["a1"])["a1"] == pytest.approx(1.0)
    assert filled.coverage(LexicalQuery("fox"), []) == {}
    assert filled.coverage(LexicalQuery("?!"), ["a1", "unknown"]) == {"a1": 0.0, "unknown": 0.0}


def test_equal_scores_are_ordered_by_chunk_id_at_any_cut(index):
    names = [f"n{number:03}" for number in range(120)]
    for name in reversed(names):
        index.add([LexicalEntry(name, name, "the same words", "", "en")])
    index.flush()
    for top_k in (1, 7, 50, 120, 500):
        assert found(index, "words", top_k) == names[:top_k]
    assert found(index, "words", 0) == []


def test_a_second_opening_sees_what_was_flushed(tmp_path):
    for make in BACKENDS.values():
        first = make(tmp_path)
        first.add(ENTRIES)
        first.flush()
        first.add([LexicalEntry("late", "late", "never flushed", "", "en")])
        first.close()
        second = make(tmp_path)
        assert second.count() == len(ENTRIES)
        assert found(second, "fox flushed") == ["a1"]
        second.close()
