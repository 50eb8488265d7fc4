import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortex_engine.core.protocols import LexicalEntry, LexicalQuery
from cortex_engine.lexical.languages import SNOWBALL
from cortex_engine.lexical.tantivy_index import TantivyIndex
from cortex_engine.lexical.tokenizer import MAX_TERM, Tokenizer, fold, normalise

LANGUAGES = st.sampled_from([*SNOWBALL, "zh", "ja", "", "xx"])
MIXED = st.text(alphabet=st.sampled_from("aZé ß'’-_.@+#19 \n\u0301\u00ad黑豹ガ한ก็ğİíЁйनमस्\ud800\x00😀½ﬁ"), max_size=40)
TEXT = st.one_of(st.text(max_size=80), MIXED)
TOKENIZER = Tokenizer()


@given(TEXT, LANGUAGES)
def test_analysis_never_fails_and_gives_clean_terms(text, language):
    for view in TOKENIZER.analyse(text, language):
        for term in view.split(" ") if view else []:
            assert 0 < len(term) <= MAX_TERM
            assert not any(char.isspace() for char in term)
            term.encode()


@given(TEXT)
def test_normalise_is_idempotent(text):
    assert normalise(normalise(text)) == normalise(text)


@given(TEXT)
def test_fold_is_idempotent(text):
    folded = fold(normalise(text))
    assert fold(folded) == folded


@given(TEXT, LANGUAGES)
def test_text_and_query_agree_on_terms(text, language):
    terms = set(TOKENIZER.analyse(text, language)[0].split())
    words = set(TOKENIZER.analyse(text, language)[1].split())
    asked = TOKENIZER.query_words(text, (language,))
    for word in asked:
        assert set(word.terms) <= (words if word.character else terms)
    assert bool(asked) == bool(terms)


@given(TEXT)
def test_case_makes_no_difference_for_ascii(text):
    plain = text.encode("ascii", "ignore").decode()
    assert TOKENIZER.analyse(plain.upper(), "en") == TOKENIZER.analyse(plain.lower(), "en")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    made = TantivyIndex(tmp_path_factory.mktemp("lexical") / "index")
    yield made
    made.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, LANGUAGES), min_size=1, max_size=4), st.text(max_size=30))
def test_every_word_of_a_text_finds_the_text(index, texts, anything):
    index.remove(sorted(index.ids()))
    index.add(LexicalEntry(f"p{n}", f"p{n}", text, anything, language) for n, (text, language) in enumerate(texts))
    index.flush()
    for number, (text, language) in enumerate(texts):
        for word in TOKENIZER.words(text):
            query = LexicalQuery(word, languages=(language,))
            found = {item.chunk_id: item.score for item in index.match(query, 10)}
            assert found[f"p{number}"] > 0
            assert index.scores(query, [f"p{number}"])[f"p{number}"] == pytest.approx(found[f"p{number}"])
        if TOKENIZER.words(text):
            assert f"p{number}" in index.permits(LexicalQuery("", phrases=(text,)), [f"p{number}"])
            assert f"p{number}" not in index.permits(LexicalQuery("", excluded=(text,)), [f"p{number}"])
    index.match(LexicalQuery(anything, (anything,), (anything,)), 5)
