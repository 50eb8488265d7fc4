"""Kinds of entities, claimed only where a name itself or the word before it says so."""

from __future__ import annotations

from cortex_engine.core.graph import EntityKind
from cortex_engine.core.names import fold
from cortex_engine.graph.lexicon import listed, word_list

_LEGAL = word_list("kinds.legal")
_SURE_LEGAL = _LEGAL - {"Co", "CO", "SE", "AB", "SA", "NV", "KK", "LP"}
_ORGANISATION_HEADS = word_list("kinds.organisation_heads")
_BEFORE_OF = word_list("kinds.before_of")
_PLACE_TAILS = word_list("kinds.place_tails")
_PLACE_HEADS = word_list("kinds.place_heads")
_EVENT_TAILS = word_list("kinds.event_tails")
HONORIFICS = word_list("kinds.honorifics")
ROLES = word_list("kinds.roles")
_STRIPPED = HONORIFICS - {"sir", "lady", "dame", "lord"} | {
    "president",
    "senator",
    "governor",
    "chancellor",
    "congressman",
    "professor",
    "actor",
    "actress",
    "singer",
    "author",
    "mayor",
    "ambassador",
    "representative",
    "director",
    "judge",
    "präsident",
    "bundeskanzler",
    "bundeskanzlerin",
    "kanzler",
    "président",
}


def plain(word: str) -> str:
    """A word as the lists here have it."""
    return word.lower().rstrip(".")


def is_title(word: str) -> bool:
    """Whether a word before a name says that a person is named, and is no part of the name: Mr., Dr., President."""
    return plain(word) in _STRIPPED


def is_organisation_head(word: str) -> bool:
    """University, Bank, League: "the Bank" may stand for the only one that was named."""
    return plain(word) in _ORGANISATION_HEADS


def is_place_head(word: str) -> bool:
    """Lake, Mount, Fort: what follows is no person's first name."""
    return plain(word) in _PLACE_HEADS or plain(word) in {"saint", "st", "san", "santa", "new"}


def names_person(word: str) -> bool:
    """Whether a word before a name says that a person is named."""
    return plain(word) in HONORIFICS or plain(word) in ROLES


def has_legal_form(name: str) -> bool:
    """Whether a name ends as companies' names do."""
    words = name.replace(",", " ").split()
    return len(words) > 1 and words[-1].replace(".", "") in _SURE_LEGAL


def without_legal_form(name: str) -> str:
    """ "Microsoft" for "Microsoft Corp.", "Evergreen Solar" for "Evergreen Solar, Inc."; the name itself where it has none."""
    words = name.replace(",", " ").split()
    while len(words) > 1 and (words[-1].replace(".", "") in _LEGAL or words[-1] == "&"):
        words.pop()
    return " ".join(words) if len(words) < len(name.replace(",", " ").split()) else name


def kind_of(name: str) -> EntityKind:
    """What a name is, UNKNOWN where it does not tell."""
    folded = fold(name)
    known = listed(folded)
    if known in {"country", "place"}:
        return EntityKind.PLACE
    words = [plain(word) for word in name.split()]
    if len(words) < 2:
        return EntityKind.UNKNOWN
    if has_legal_form(name) or words[-1] in _ORGANISATION_HEADS:
        return EntityKind.ORGANISATION
    if words[0] in _BEFORE_OF and words[1] in {"of", "für", "de", "for", "di", "des"}:
        return EntityKind.ORGANISATION
    if words[-1] in _EVENT_TAILS or words[:2] in (["battle", "of"], ["treaty", "of"], ["world", "war"]):
        return EntityKind.EVENT
    if words[-1] in _PLACE_TAILS or words[0] in _PLACE_HEADS:
        return EntityKind.PLACE
    if (
        len(words) == 3
        and len(name.split()[1]) == 2
        and name.split()[1][1] == "."
        and words[2].isalpha()
        and len(words[2]) > 2
    ):
        return EntityKind.PERSON
    return EntityKind.PERSON if _is_person(name.split()) else EntityKind.UNKNOWN


def _is_person(words: list[str]) -> bool:
    """A first name of the list, then nothing but initials, small links and a family name."""
    if not 2 <= len(words) <= 5 or listed(fold(words[0])) != "first name":
        return False
    if listed(fold(words[-1])) in {"country", "place", "demonym"}:
        return False
    return (
        all(word[0].isupper() or word.islower() for word in words)
        and words[-1][0].isupper()
        and len(words[-1]) > 1
        and not any(map(str.isdigit, "".join(words)))
        and "of" not in words
    )
