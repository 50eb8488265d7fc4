import pytest

from cortex_engine.lexical.languages import SNOWBALL, stem
from cortex_engine.lexical.tokenizer import MAX_TERM, QueryWord, Tokenizer, fold, normalise


@pytest.mark.parametrize(
    ("text", "terms", "words"),
    [
        ("", "", ""),
        (" \n\t.,;!?", "", ""),
        ("Running FOXES", "run fox", "running foxes"),
        ("SR-71", "sr 71 sr71", "sr 71"),
        ("ISO-9001:2015", "iso 9001 iso9001 2015", "iso 9001 2015"),
        ("foo_bar", "foo bar foobar", "foo bar"),
        ("v1.2.3", "v1 2 3 v1.2.3 v 1", "v1 2 3"),
        ("jane@x.org", "jane x org jane@x.org", "jane x org"),
        ("don't John's", "don t john s", "don t john s"),
        ("O'Brien", "o brien obrien", "o brien"),
        ("C++ and C#", "c c++ and c c#", "c and c"),
        ("ﬁle １２３", "file 123", "file 123"),
        ("in\u00adfor\u200bmation", "inform", "information"),
        ("end.\nStart", "end start", "end start"),
    ],
)
def test_terms_and_words_of_english(text, terms, words):
    assert Tokenizer().analyse(text, "en") == (terms, words)


@pytest.mark.parametrize(
    ("text", "terms", "words"),
    [
        ("黑豹队", "黑豹 豹队", "黑 豹 队"),
        ("猫", "猫", "猫"),
        ("丢了308分。", "丢了 308 分", "丢 了 308 分"),
        ("カタカナ", "カタ タカ カナ", "カ タ カ ナ"),
        ("한국어", "한국 국어", "한 국 어"),
        ("iPhone手机", "iphone 手机", "iphone 手 机"),
    ],
)
def test_scripts_without_spaces_give_pairs(text, terms, words):
    assert Tokenizer().analyse(text, "zh") == (terms, words)


def test_thai_is_cut_into_pairs_and_keeps_its_vowels():
    terms, words = Tokenizer().analyse("สวัสดี", "th")
    assert "".join(words.split()) == "สวัสดี"
    assert len(terms.split()) == len(words.split()) - 1


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("résumé", "resume"),
        ("łódź", "lodz"),
        ("ærø", "aero"),
        ("ёж", "еж"),
        ("май", "май"),
        ("が", "が"),
        ("नमस्ते", "नमस्ते"),
        ("كِتَاب", "كتاب"),
        ("ά", "α"),
    ],
)
def test_fold_drops_only_what_people_leave_out(word, folded):
    assert fold(word) == folded


def test_german_umlauts_and_sharp_s_may_be_written_out():
    tokenizer = Tokenizer()
    for left, right in (("Straße", "STRASSE"), ("Häuser", "hauser"), ("überall", "Ueberall")):
        assert tokenizer.analyse(left, "de")[0] == tokenizer.analyse(right, "de")[0]


def test_forms_of_a_query_word_are_one_word():
    words = Tokenizer().query_words("images of an image", ("en",))
    assert words == [QueryWord(("imag",), count=2), QueryWord(("of",)), QueryWord(("an",))]


def test_a_query_word_has_a_form_for_each_language():
    assert Tokenizer().query_words("Häuser", ("en", "de", "")) == [QueryWord(("hauser", "haus"))]
    assert Tokenizer().query_words("豹", ("zh",)) == [QueryWord(("豹",), character=True)]


def test_long_words_are_cut_alike_in_texts_and_queries():
    tokenizer = Tokenizer()
    text = "x" * (MAX_TERM + 50)
    (word,) = tokenizer.query_words(text, ("en",))
    assert tokenizer.analyse(text, "en")[0] == word.terms[0]
    assert len(word.terms[0]) == MAX_TERM


def test_every_stemmer_exists():
    for language in SNOWBALL:
        assert stem("information", language)
    assert stem("information", "xx") == "information"


def test_normalise_lowers_and_composes():
    assert normalise("ÄÖÜ ẞ İ") == normalise(normalise("ÄÖÜ ẞ İ"))
    assert normalise("e\u0301") == "é"
