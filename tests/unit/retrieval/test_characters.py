"""Character n-grams against counting by hand."""

from __future__ import annotations

import pytest

from cortex_engine.retrieval.characters import _counts, _grams, _normal, character_evidence


def test_counts_are_those_of_the_texts_themselves():
    texts = [
        _normal(text) for text in ("Panthers defense, Panthers!", "", "the pan", "Verteidigung der Panthers 黑豹队")
    ]
    grams = [" pan", "anth", "zzzz", "ers "]
    counted = _counts(grams, texts)
    assert counted.tolist() == [[float(text.count(gram)) for text in texts] for gram in grams]


def test_runs_of_words_and_of_unspaced_scripts():
    assert _grams("Ab Panther") == [" ab ", " pan", "pant", "anth", "nthe", "ther", "her "]
    assert _grams("黑豹队 ab") == ["黑", "豹", "队", " ab "]
    assert _grams("a ?!") == [], "one letter says nothing"


def test_related_forms_are_seen_across_languages():
    texts = {"en": "The Panthers defense in Normandy", "other": "A recipe for apple pie", "none": ""}
    evidence = character_evidence("Verteidigung der Panthers in der Normandie", texts)
    assert evidence is not None and len(evidence.ranking) == 0
    assert evidence.scores["en"] > evidence.scores["other"] >= evidence.scores["none"] == 0.0
    assert evidence.moments is not None and evidence.moments.count == 3
    assert evidence.moments.mean == pytest.approx(sum(evidence.scores.values()) / 3)


def test_nothing_to_compare():
    assert character_evidence("?", {"a": "text"}) is None
    assert character_evidence("word", {}) is None
