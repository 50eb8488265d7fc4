"""What two texts must have in common besides their meaning: words in a row, numbers, names, and whether they deny."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(
    r"(?:(?<![\w])[-−])?\d+(?:[.,'’\u00a0\u202f]\d+)*|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[%€$£¥°]"
)
_BRACKETED = re.compile(r"[\[［【(]\s*\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*[\]］】)]")
_HYPHENATED = re.compile(r"(\w)[\u00ad\u2010-]\s*\n\s*(?=[a-zà-ÿ])")
_QUOTED = re.compile(r"[\"“„«»‚‘「『]([^\"“”„«»‚‘「」『』]{8,600})[\"”“«»’」』]")
_NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f ]?\d+)*")
_SEPARATOR = re.compile(r"[^\d]")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"]+|[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_CAPITALISED = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")

_NUMBER_WORDS = (
    "null zero zéro cero|two zwei deux dos|three drei trois tres|four vier quatre cuatro|five fünf cinq cinco|"
    "six sechs seis|seven sieben sept siete|eight huit ocho|nine neun neuf nueve|ten zehn dix diez|eleven elf onze once|"
    "twelve zwölf douze doce"
)
_VALUES = (0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
_AS_DIGITS = {
    word: str(value)
    for value, words in zip(_VALUES, _NUMBER_WORDS.split("|"), strict=True)
    for word in words.split()
    if word != "once"  # English uses it for "one time"
}
"""Numbers in words, English, German, French, Spanish, as far as they are no article and no other common word."""

_DENYING = (
    "not no never none nobody nothing neither without cannot nicht kein keine keinen keinem keiner keines nie niemals "
    "niemand nichts ohne weder pas jamais aucun aucune rien sans nunca ningún ninguna ninguno nada tampoco"
)
_DENIALS = frozenset(_DENYING.split())
_GENERAL_NOUNS = frozenset({"de", "lb"})
"""Languages that write every noun with a capital letter."""


def tokens(text: str) -> list[str]:
    """Words, numbers and signs in order, without case, citation marks, quotation marks and white space.

    Scripts that are written without spaces give one token for each character.
    """
    joined = _HYPHENATED.sub(r"\1", text)
    plain = unicodedata.normalize("NFKC", _BRACKETED.sub(" ", joined)).casefold()
    return _TOKEN.findall(plain)


def stands_in(wanted: Sequence[str], text: Sequence[str]) -> bool:
    """Whether the tokens follow one another somewhere in the text's; the empty row stands nowhere."""
    if not wanted:
        return False
    first, size = wanted[0], len(wanted)
    return any(
        text[place] == first and list(text[place : place + size]) == list(wanted)
        for place in range(len(text) - size + 1)
    )


def quotations(text: str) -> list[str]:
    """What stands between quotation marks."""
    return [found.strip() for found in _QUOTED.findall(text)]


def numbers(text: str) -> dict[str, str]:
    """The numbers of a text: digits without separators -> as written. Small ones may be words."""
    found = {_digits(written): written for written in _NUMBER.findall(unicodedata.normalize("NFKC", text))}
    found |= {_AS_DIGITS[word]: word for word in tokens(text) if word in _AS_DIGITS}
    return found


def known_numbers(text: str) -> frozenset[str]:
    """All numbers that a text may be said to hold: "1,306" gives 1306, and "07:40, 12:15" each of its parts too."""
    plain = unicodedata.normalize("NFKC", text)
    parts = {part.lstrip("0") or "0" for part in re.findall(r"\d+", plain)}
    return frozenset(numbers(text)) | parts


def _digits(written: str) -> str:
    return _SEPARATOR.sub("", written).lstrip("0") or "0"


def addresses(text: str) -> list[str]:
    """Links and mail addresses."""
    return [found.rstrip(".,;:!?)") for found in _ADDRESS.findall(text)]


def names(text: str, language: str, elsewhere: frozenset[str] = frozenset()) -> list[str]:
    """Words of a statement that are names: written with a capital letter where that means something.

    Args:
        elsewhere: folded words that are written so in the middle of a sentence of the material (`inner_names`); by them a
            name is known at the beginning of a sentence too.
    """
    found: list[str] = []
    words = [(match.group(), _opens(text, match.start())) for match in _CAPITALISED.finditer(text)]
    for place, (word, opens) in enumerate(words):
        if not word[0].isupper() or len(word) < 2:
            continue
        acronym = sum(letter.isupper() for letter in word) >= 2
        beside = any(
            0 <= other < len(words) and words[other][0][0].isupper() and not words[other][1]
            for other in (place - 1, place + 1)
        )
        known = folded(word) in elsewhere if opens else language not in _GENERAL_NOUNS or beside
        if acronym or known:
            found.append(word)
    return found


def inner_names(texts: Iterable[str]) -> frozenset[str]:
    """Folded words that are capitalised in the middle of a sentence somewhere, and nowhere written small."""
    large: set[str] = set()
    small: set[str] = set()
    for text in texts:
        for match in _CAPITALISED.finditer(text):
            word = match.group()
            if not word[0].isupper():
                small.add(folded(word))
            elif not _opens(text, match.start()):
                large.add(folded(word))
    return frozenset(large - small)


def _opens(text: str, place: int) -> bool:
    """Whether a sentence (or line, or quotation) begins here."""
    before = text[:place].rstrip(" \t([\"'“„«‚‘")
    return not before or before[-1] in "\n.!?:;…-–•"


def folded(word: str) -> str:
    """Without case and accents, and without an English genitive."""
    plain = unicodedata.normalize("NFKD", word.replace("’", "'")).casefold()
    return "".join(each for each in plain if not unicodedata.combining(each)).removesuffix("'s").removesuffix("'")


def folded_words(text: str) -> frozenset[str]:
    """All words of a text, folded, whole and in the parts between hyphens."""
    words = {folded(word) for word in _CAPITALISED.findall(text)}
    return frozenset(words | {part for word in words for part in re.split("[-']", word)})


def denials(text: str) -> int:
    """How many words of a text deny: two of them may cancel each other."""
    plain = text.casefold().replace("’", "'")
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", plain)
    return sum(word in _DENIALS or word.endswith("n't") for word in words)
