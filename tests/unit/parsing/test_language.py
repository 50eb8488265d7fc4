"""The language of a text, or none where it cannot be told."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from cortex_engine.parsing.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The quick brown fox jumps over the lazy dog and runs away.", "en"),
        ("Der schnelle braune Fuchs springt über den faulen Hund.", "de"),
        ("DIE ALLGEMEINEN GESCHÄFTSBEDINGUNGEN GELTEN FÜR ALLE VERTRÄGE.", "de"),
        ("Le vif renard brun saute par-dessus le chien paresseux.", "fr"),
        ("El zorro marrón salta rápidamente sobre el perro perezoso y se va a su casa.", "es"),
        ("Привет, как дела? Это документ на русском языке.", "ru"),
        ("这是一个测试文档", "zh"),
        ("これはテストです。日本語の文章。", "ja"),
        ("東京都の人口は約一千四百万人である", "ja"),
        ("이것은 시험 문서입니다", "ko"),
        ("مرحبا بكم في هذا المستند التجريبي", "ar"),
        ("Το γρήγορο αλεπού", "el"),
        ("שלום עולם זה מסמך", "he"),
        ("Extraction of Roots by Repeated Subtractions for Digital Computers", "en"),
        ("The Use of Computers in Inspection Procedures\n\nMuller, M. E.\n\nCA581101 JB March 22, 1978  8:33 PM", "en"),
        ("Jahresbericht über die Prüfung der Brücken im Landkreis", "de"),
        ("", ""),
        ("hello", ""),
        ("12 345 | 67.8 %", ""),
        ("https://example.com/der/schnelle/braune/fuchs", ""),
        ("x1 y2 z3 qq ww zz kk ACME-77 GmbH", ""),
    ],
)
def test_languages(text, language):
    assert detect_language(text) == language


def test_the_main_language_of_a_long_text_counts():
    german = "Der schnelle braune Fuchs springt über den faulen Hund. " * 2000
    assert detect_language(german + "The end.") == "de"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_real_paragraphs(data_root, language):
    path = data_root / "retrieval" / f"xquad-{language}" / "corpus.jsonl"
    with path.open(encoding="utf-8") as lines:
        found = Counter(detect_language(json.loads(line)["text"]) for line in lines)
    assert found[language] >= 78
    assert found.keys() <= {language, ""}
