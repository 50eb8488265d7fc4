"""Which language a text is in: scripts of one language decide by themselves, the rest by py3langid.

py3langid (BSD-3-Clause) is langid.py (Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language Identification
Tool"): naive Bayes over byte n-grams, its model for 142 languages inside the wheel. It holds all languages for equally
likely, so that titles and abstracts stay undecided between English, Nigerian Pidgin and Luxembourgish: where it is not
certain, it is asked again among languages that most documents are written in. The language chooses the stemmer; a
wrong one costs a search little, none costs it much.
"""

from __future__ import annotations

import copy
import functools
import re
import unicodedata
from collections import Counter
from typing import Any

_SHORTEST = 20
"""Letters below which statistics guess."""
_SAMPLED = 4_000
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "THAI": "th", "GREEK": "el", "HEBREW": "he", "GEORGIAN": "ka",
    "ARMENIAN": "hy", "KHMER": "km", "LAO": "lo", "SINHALA": "si", "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn",
    "MALAYALAM": "ml", "GUJARATI": "gu", "GURMUKHI": "pa", "TIBETAN": "bo", "MYANMAR": "my",
}  # fmt: skip
_NOT_ARABIC = re.compile("[\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d2]")
"""Letters of Persian, Urdu and their kin that Arabic does not have."""
_SHARE = 0.3
_KANA_SHARE = 0.05
_CERTAIN = 0.6
_LIKELY = 0.2
"""Probability that suffices among the common languages (error rates: `docs/explanation/fusion.md`)."""
_COMMON = (
    "af ar az be bg ca cs da de el en es et fa fi fr he hi hr hu id it ja ka kk ko lt lv mk ms nb nl nn no pl pt ro ru "
    "sk sl sq sr sv sw th tl tr uk ur uz vi zh"
)
"""Languages of ten million speakers or of a state's administration, as far as statistics have to tell them apart."""
_NOISE = re.compile(r"https?://\S+|\S+@\S+|[\d_|#*<>=/\\]+")


def detect_language(text: str) -> str:
    """ISO 639-1 code of the text's main language, or "" where it is short, mixed or no language.

    Looks at three samples (begin, middle, end) of a long text.
    """
    sample = _NOISE.sub(" ", _sample(text))
    letters = [character for character in sample if character.isalpha()]
    if not letters:
        return ""
    scripts = Counter(map(_script, letters))
    total = len(letters)
    if scripts["CJK"] + scripts["HIRAGANA"] + scripts["KATAKANA"] > total * _SHARE and total >= 4:
        kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
        return "ja" if kana > total * _KANA_SHARE else "zh"
    script, count = scripts.most_common(1)[0]
    if script == "ARABIC" and not _NOT_ARABIC.search(sample):
        return "ar" if count > total * _SHARE and total >= 4 else ""
    if script in _SCRIPTS:
        return _SCRIPTS[script] if count > total * _SHARE and total >= 4 else ""
    if total < _SHORTEST:
        return ""
    return _classify(sample.lower() if sample.isupper() else sample)


def load_model() -> None:
    """Load the statistics (0.7 s of CPU) ahead of the first use."""
    _common_identifier()


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLED:
        return text
    middle = len(text) // 2
    return f"{text[:_SAMPLED]} {text[middle : middle + _SAMPLED]} {text[-_SAMPLED:]}"


@functools.lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@functools.cache
def _common_identifier() -> Any:
    identifier = copy.copy(_identifier())
    identifier.set_languages([code for code in identifier.nb_classes if code in _COMMON.split()])
    return identifier


def _classify(sample: str) -> str:
    language, probability = _identifier().classify(sample)
    if probability >= _CERTAIN and len(language) == 2:
        return str(language)
    language, probability = _common_identifier().classify(sample)
    return str(language) if probability >= _LIKELY else ""
