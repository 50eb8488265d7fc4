"""Words that are no names, and short lists of names whose kind is certain."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from cortex_engine.core.names import fold

_ENGLISH = frozenset({"en", ""})
"""Languages read with the English list; text of undecided language is short, and most often a form with English words."""


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    return frozenset(files(__name__).joinpath("english.txt").read_text(encoding="ascii").split())


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    known: dict[str, str] = {}
    text = files(__name__).joinpath("names.txt").read_text(encoding="utf-8")
    kind = ""
    for line in text.splitlines():
        if line.startswith("#"):
            kind = line.lstrip("# ").strip()
        else:
            known.update((fold(name), kind) for name in line.split(",") if name.strip())
    return known


def common_words(language: str) -> frozenset[str]:
    """Lower-case words of a language that are no names (SCOWL levels 10 to 35 for English); empty where there is no list."""
    return _words() if language in _ENGLISH else frozenset()


def listed(folded: str) -> str:
    """ "first name", "country", "place", "demonym" for a folded name that is in the short lists, "" else."""
    return _names().get(folded, "")


def word_list(name: str) -> frozenset[str]:
    """A list of the rules by name ("noise.labels")."""
    return _lists()[name]


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    lists: dict[str, set[str]] = {}
    name = ""
    for line in files(__name__).joinpath("lists.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            name = line.lstrip("# ").strip()
            lists[name] = set()
        else:
            lists[name].update(line.split())
    return {each: frozenset(words) for each, words in lists.items()}
