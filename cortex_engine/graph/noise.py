"""Words that look like names and are none: labels of forms, parts of documents, months, beginnings of sentences."""

from __future__ import annotations

import re

from cortex_engine.graph.lexicon import word_list
from cortex_engine.graph.patterns import MONTHS

OPENERS = word_list("noise.openers")
"""What begins sentences, and is in no list of function words."""
LABELS = word_list("noise.labels")
"""Stripped from both ends of names ("Gabriel Diaz Year", "Invoice Acme")."""
_DAYS = word_list("noise.days")
NEVER = (_DAYS | word_list("noise.extra") | frozenset(MONTHS)) - {
    "mai",
    "may",
    "mar",
    "mei",
    "jan",
    "april",
    "june",
    "august",
    "sun",
}
"""No names wherever they stand alone."""
DEFINED = word_list("noise.defined")
"""Last words of what contracts define ("the Loan Documents"): things, not names."""
_PARTS = word_list("noise.parts")
DAYS_AND_MONTHS = _DAYS | frozenset(MONTHS)
_ROMAN = re.compile(r"M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_RUBBISH = re.compile(r"(.)\1{3}|[^\W\d_][\d]+[^\W\d_]+[\d]+[^\W\d_]|[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{7}")
"""What OCR makes of smudges."""


def is_roman(text: str) -> bool:
    """Whether a word is a Roman numeral."""
    return bool(text) and _ROMAN.fullmatch(text) is not None


def is_label(word: str) -> bool:
    """Whether a word labels what stands beside it, or is a day or a month."""
    plain = word.lower().rstrip(".:")
    return plain in LABELS or plain in DAYS_AND_MONTHS


def is_part_of_document(word: str) -> bool:
    """Section, Figure, Monday, May: no part of a name at its ends, in running text either."""
    plain = word.lower().rstrip(".:")
    return plain in _PARTS or plain in DAYS_AND_MONTHS


def is_noise(name: str) -> bool:
    """Whether a whole name can be none: labels, numbers, single letters, numerals, smudges."""
    words = [word.rstrip(".:").lower() for word in name.split()]
    if all(
        word in LABELS or word in NEVER or word in DAYS_AND_MONTHS or not any(map(str.isalpha, word)) for word in words
    ):
        return True
    letters = [character for character in name if character.isalpha()]
    if len(letters) < 2 or is_roman(name) or len(name) > 120:
        return True
    strange = sum(not (character.isalnum() or character in " .,'’&-–+/()") for character in name)
    return strange > 1 or _RUBBISH.search(name.replace("www", "")) is not None
