"""Snowball stemmers by ISO 639-1 code."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import Stemmer  # type: ignore[import-not-found]  # ships no types

SNOWBALL: Mapping[str, str] = MappingProxyType(
    {
        "ar": "arabic",
        "ca": "catalan",
        "cs": "czech",
        "da": "danish",
        "de": "german",
        "el": "greek",
        "en": "english",
        "eo": "esperanto",
        "es": "spanish",
        "et": "estonian",
        "eu": "basque",
        "fa": "persian",
        "fi": "finnish",
        "fr": "french",
        "ga": "irish",
        "hi": "hindi",
        "hu": "hungarian",
        "hy": "armenian",
        "id": "indonesian",
        "it": "italian",
        "lt": "lithuanian",
        "nb": "norwegian",
        "ne": "nepali",
        "nl": "dutch",
        "nn": "norwegian",
        "no": "norwegian",
        "pl": "polish",
        "pt": "portuguese",
        "ro": "romanian",
        "ru": "russian",
        "sr": "serbian",
        "st": "sesotho",
        "sv": "swedish",
        "ta": "tamil",
        "tr": "turkish",
        "yi": "yiddish",
    }
)
"""Algorithm by language code; every other language is searched by its words as they stand."""

_stemmers: dict[str, Stemmer.Stemmer] = {}
_lock = threading.Lock()


def stem(word: str, language: str) -> str:
    """The word's stem, or the word where the language has no stemmer. Safe to call from any thread."""
    algorithm = SNOWBALL.get(language)
    if algorithm is None:
        return word
    with _lock:  # a Snowball stemmer works in a buffer of its own and is not safe for threads
        stemmer = _stemmers.get(algorithm)
        if stemmer is None:
            import Stemmer

            stemmer = _stemmers[algorithm] = Stemmer.Stemmer(algorithm, 0)
        result: str = stemmer.stemWord(word)
    return result or word
