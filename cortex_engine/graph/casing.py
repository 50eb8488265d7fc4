"""What a document's own running text tells of its words: which are written small, which large in the middle of sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from cortex_engine.graph.lexicon import word_list
from cortex_engine.graph.segments import Sentence, Word

_OPENERS = frozenset("\"“„«‘'([:;•–—-*")
_NUMBERING = re.compile(r"\(?(?:[ivx]{1,5}|[a-zA-Z]|\d{1,3})[.)]+|[ivx]{2,5}")
_DETERMINERS = word_list("casing.determiners")
_GERMAN_ENDINGS = ("e", "en", "er", "es", "em")


def starts(words: tuple[Word, ...]) -> Iterator[bool]:
    """For each word, whether a capital is due to its place: at the beginning, after a colon, in a quotation's beginning."""
    fresh = True
    for word in words:
        yield fresh
        if any(map(str.isalnum, word.text)):
            fresh = fresh and (
                word.text.isdigit()
                or (len(word.text.rstrip(".")) == 1 and not word.text.isupper())
                or _NUMBERING.fullmatch(word.text) is not None
            )
        elif (word.text in _OPENERS and not word.glued) or word.text in {":", ";", "•", "—"}:
            fresh = True


class Casing:
    """Counts over the running text of a document; keys are lower-case words."""

    def __init__(self, sentences: Iterable[Sentence], german: bool) -> None:
        self.small: Counter[str] = Counter()
        self.inner: Counter[str] = Counter()
        self._determined: Counter[str] = Counter()
        self._german = german
        for sentence in sentences:
            if sentence.prose:
                self._read(sentence)

    def _read(self, sentence: Sentence) -> None:
        before = ""
        for word, start in zip(sentence.words, starts(sentence.words), strict=True):
            first = word.text[0]
            if first.islower():
                self.small[word.text.lower()] += 1
            elif first.isupper() and not start:
                key = word.text.lower()
                self.inner[key] += 1
                if (
                    before in _DETERMINERS
                    or before.isdigit()
                    or (self._german and before.endswith(_GERMAN_ENDINGS) and before.islower())
                ):
                    self._determined[key] += 1
            before = word.text if self._german and not word.text[0].islower() else word.text.lower()

    def is_named(self, key: str) -> bool:
        """Written large in the middle of sentences, and mostly so."""
        return self.inner[key] > 0 and self.inner[key] >= 2 * self.small[key]

    def is_determined(self, key: str) -> bool:
        """Mostly with an article before it: "the Agreement"; names of people and places have none."""
        return 2 * self._determined[key] >= self.inner[key] > 0

    def never_determined(self, key: str) -> bool:
        """Never with an article or an adjective's ending before it."""
        return not self._determined[key]
