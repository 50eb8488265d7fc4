"""Names by their capitals: which runs of capitalised words are names, by the evidence of the whole document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cortex_engine.core.graph import EntityKind
from cortex_engine.core.names import fold
from cortex_engine.graph.casing import Casing
from cortex_engine.graph.finds import Find, Marks
from cortex_engine.graph.kinds import has_legal_form, is_place_head, is_title, kind_of, names_person
from cortex_engine.graph.lexicon import common_words, listed
from cortex_engine.graph.noise import DEFINED, NEVER, OPENERS, is_label, is_noise, is_part_of_document, is_roman
from cortex_engine.graph.segments import Sentence, Word
from cortex_engine.graph.spans import Run, is_capital, runs

_NO_NAME_ENDINGS = ("ing", "ly", "ed", "tion", "tions", "ness", "ment", "able", "ise", "ize")
_GERMAN_NOUNS = (
    "ung",
    "ungen",
    "heit",
    "keit",
    "keiten",
    "schaft",
    "tion",
    "tionen",
    "ismus",
    "tät",
    "nis",
    "tum",
    "lein",
    "chen",
)
_PROVEN = 3
"""Times from which a common word, always large and never with an article, is a name."""
_MOST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Tongue:
    """What is known of a document's language. `common`: its words that are no names, empty where there is no list."""

    code: str
    stop_words: frozenset[str]
    common: frozenset[str]

    @classmethod
    def of(cls, code: str, stop_words: frozenset[str]) -> Tongue:
        """Of a language by its ISO 639-1 code."""
        return cls(code, stop_words, common_words(code))


class NameFinder:
    """Decides over the runs of one document.

    Args:
        blocked: characters (of the document) whose capitals tell nothing: addresses, code, dates.
    """

    def __init__(self, sentences: Sequence[Sentence], tongue: Tongue, blocked: Marks) -> None:
        self._tongue = tongue
        self._casing = Casing(sentences, tongue.code == "de")
        self._blocked = blocked
        self._runs = [
            part for sentence in sentences for run in runs(sentence, tongue.code == "de") for part in self._parts(run)
        ]

    def finds(self) -> Iterator[Find]:
        """Names, and weak ones that count only as short forms of others."""
        judged = [self._judge(run) for run in self._runs]
        known = {fold(find.name) for find in judged if find is not None and not find.weak}
        for run, find in zip(self._runs, judged, strict=True):
            if find is not None and not find.weak:
                yield find
                continue
            inside = list(self._known_inside(run, known))
            yield from inside
            if find is not None and not inside:
                yield find

    def _parts(self, run: Run) -> Iterator[Run]:
        """A run without labels, addresses and what only begins a sentence."""
        words: list[Word] = []
        heading = not run.sentence.prose
        if heading and len(run.words) > 1 and any(is_label(word.text) for word in run.words):
            yield Run(run.words, run.sentence, run.begins, only_known=True)
        for word in run.words:
            if word.start not in self._blocked and not (heading and is_label(word.text)):
                words.append(word)
                continue
            yield from self._stripped(run, words)
            words = []
        yield from self._stripped(run, words)

    def _stripped(self, run: Run, words: list[Word]) -> Iterator[Run]:
        """The run without titles, articles and the like at its ends."""
        begins = run.begins and bool(words) and words[0] is run.words[0]
        person = False
        first, last = 0, len(words)
        while first < last:
            text = words[first].text
            if first + 1 < last and is_title(text):
                person = words[first + 1].text != "of"
            elif not self._is_head(words, first, begins):
                break
            begins = False
            first += 1
        while last > first and self._is_tail(words[last - 1].text, last - first):
            last -= 1
        first = self._first_name(words, first, last)
        if 0 < last - first <= _MOST_WORDS:
            yield Run(words[first:last], run.sentence, begins, person)

    def _is_head(self, words: list[Word], place: int, begins: bool) -> bool:
        """Whether the first word of what is left is no part of a name."""
        text = words[place].text
        if not is_capital(text) or is_part_of_document(text):
            return True
        if not begins:
            return False
        numbered = (
            len(text) == 2 and text[1] == "." and place + 1 < len(words) and self._is_plain(words[place + 1].text)
        )
        return numbered or (self._opens(text) and (not text.isupper() or len(text) == 1))

    def _opens(self, text: str) -> bool:
        key = text.lower()
        return key in self._tongue.stop_words or (key in OPENERS | NEVER and not self._casing.is_named(key))

    def _is_tail(self, text: str, left: int) -> bool:
        if not is_capital(text) and not text[0].isdigit():
            return True
        if is_roman(text) and left > 1:
            return text == "I"
        return is_part_of_document(text)

    def _is_plain(self, text: str) -> bool:
        return text.lower() in self._tongue.common or text.lower() in self._tongue.stop_words

    def _first_name(self, words: list[Word], first: int, last: int) -> int:
        """Where a person's name begins after what the person is: "Tower Man George Hauser"."""
        for place in range(first + 1, last - 1):
            before = words[place - 1].text
            if not (self._is_plain(before) or names_person(before)) or is_place_head(before):
                return first
            following = words[place + 1].text
            has_initial = (
                len(following) == 2 and following[1] == "." and place + 2 < last and is_capital(words[place + 2].text)
            )
            if has_initial or (listed(fold(words[place].text)) == "first name" and is_capital(following)):
                return place
        return first

    def _judge(self, run: Run) -> Find | None:
        name = run.name
        if is_noise(name) or run.only_known:
            return None
        if run.person:
            return Find(run.start, run.end, name, EntityKind.PERSON)
        kind = kind_of(name)
        if len(run.words) == 1:
            verdict = self._single(run)
        elif run.sentence.prose:
            verdict = self._several(run)
        else:
            verdict = self._in_heading(run, kind)
        if verdict == "rest":
            rest = run.words[1:]
            while rest and not is_capital(rest[0].text):
                rest = rest[1:]
            return self._judge(Run(rest, run.sentence, False)) if rest else None
        if verdict == "no":
            return None
        return Find(run.start, run.end, name, kind, weak=verdict == "weak", prose=run.sentence.prose)

    def _single(self, run: Run) -> str:
        text = run.words[0].text
        key = text.lower()
        casing, common = self._casing, self._tongue.common
        if (
            len(text) < 2
            or is_roman(text)
            or (key in self._tongue.stop_words and not (text.isupper() and listed(fold(text))))
        ):
            return "no"
        if listed(fold(text)) in {"country", "place", "demonym"}:
            return "name" if run.sentence.prose or casing.inner[key] else "weak"
        if self._tongue.code == "de":
            return self._single_german(key, run)
        if not run.sentence.prose:
            return "name" if casing.is_named(key) and key not in common else "weak"
        if run.begins and not casing.is_named(key):
            unknown = (
                bool(common) and key not in common and not casing.small[key] and not key.endswith(_NO_NAME_ENDINGS)
            )
            return "name" if unknown else "weak"
        if casing.small[key] >= casing.inner[key]:
            return "weak"
        if key not in common:
            return "name"
        proven = casing.inner[key] >= _PROVEN and casing.never_determined(key) and not casing.small[key]
        return "weak" if not proven or text.isupper() or key.endswith(_NO_NAME_ENDINGS) else "name"

    def _single_german(self, key: str, run: Run) -> str:
        casing = self._casing
        if not run.sentence.prose or key.endswith(_GERMAN_NOUNS) or casing.small[key]:
            return "weak"
        text = run.words[0].text
        if text.isupper() or any(map(str.isupper, text[1:])):
            return "name" if casing.inner[key] else "weak"
        pair = casing.inner[f"{key}s"] or (key.endswith("s") and casing.inner[key[:-1]])
        return "name" if pair and casing.inner[key] >= 2 and casing.never_determined(key) else "weak"

    def _several(self, run: Run) -> str:
        casing, common = self._casing, self._tongue.common
        keys = [word.text.lower() for word in run.words if is_capital(word.text)]
        if self._tongue.code == "de" and " " not in run.name and casing.inner[keys[0]] < 2 * _PROVEN:
            return "weak"
        plain = [key in common or casing.small[key] > 0 for key in keys]
        by_place = run.begins and len(keys) > 1 and not casing.is_named(keys[0])
        by_place = by_place and not has_legal_form(run.name) and kind_of(run.name) is not EntityKind.PERSON
        if by_place and (not common or casing.small[keys[0]] or keys[0].endswith(_NO_NAME_ENDINGS)):
            return "weak" if len(keys) == 2 and plain[1] else "rest"
        if all(casing.small[key] >= casing.inner[key] for key in keys) or (
            all(plain) and DEFINED & {keys[0], keys[-1]}
        ):
            return "weak"
        return "name"

    def _in_heading(self, run: Run, kind: EntityKind) -> str:
        casing, common = self._casing, self._tongue.common
        keys = [word.text.lower() for word in run.words if is_capital(word.text) and len(word.text) > 1]
        if not keys:
            return "weak"
        plain = [key in common or casing.small[key] > 0 or key in self._tongue.stop_words for key in keys]
        if has_legal_form(run.name) or (kind is EntityKind.PERSON and not (plain[-1] and keys[-1].endswith("s"))):
            return "name"
        if kind not in {EntityKind.UNKNOWN, EntityKind.PERSON} and not all(plain):
            return "name"
        if not common:
            return "name" if all(casing.is_named(key) for key in keys) else "weak"
        shouted = all(word.text.isupper() for word in run.words)
        return "name" if not any(plain) and not shouted and len(keys) <= 4 and len(keys) > 1 else "weak"

    def _known_inside(self, run: Run, known: set[str]) -> Iterator[Find]:
        """The longest known names within a run; common words that are names elsewhere only where they are all of it."""
        place = 0
        while place < len(run.words):
            for end in range(len(run.words), place, -1):
                part = Run(run.words[place:end], run.sentence, False)
                lone = end - place == 1 < len(run.words) and self._is_plain(part.name)
                folded = fold(part.name)
                if not lone and (folded in known or listed(folded) in {"country", "place"}):
                    yield Find(part.start, part.end, part.name, kind_of(part.name), prose=run.sentence.prose)
                    place = end - 1
                    break
            place += 1
