"""The conditions of a query one by one: which of them a document does not meet, and the query without one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cortex_engine.core.catalog import SearchRecords
from cortex_engine.core.search import Filters, HitKind, Query
from cortex_engine.retrieval.query_text import ParsedQuery, parse_query

_FIELDS = {
    "collections": ("collection", "the filter Collection ({})"),
    "documents": ("document", "the filter Document"),
    "types": ("type", "the filter Type ({})"),
    "languages": ("language", "the filter Language ({})"),
    "tags": ("tag", "the filter Tag ({})"),
    "title": ("title", "the filter Title ({})"),
    "date_from": ("from", "the filter From ({})"),
    "date_to": ("to", "the filter To ({})"),
}
"""Field of `Filters` -> key, and how a sentence names it."""

_KINDS = {HitKind.TEXT: "the filter Text only", HitKind.PICTURE: "the filter Pictures only"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions are held against: a document, and of which kinds the hits in question can be."""

    document_id: str
    collections: tuple[str, ...]
    kinds: frozenset[HitKind]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        key: "collection", "type", "kind", "phrase" …
        text: as a sentence names it: "the filter Type (pdf)".
        met: whether the document meets it.
        dropped: the query without it; of the collections, with one more that the document belongs to.
    """

    key: str
    text: str
    met: bool
    dropped: Callable[[Query], Query]


def named(names: Sequence[str]) -> str:
    """'A', 'B' and 2 others."""
    quoted = [f"'{name}'" for name in names[:3]]
    rest = f" and {len(names) - 3} others" if len(names) > 3 else ""
    return ", ".join(quoted) + rest


def conditions(catalog: SearchRecords, query: Query, facts: Facts) -> Iterator[Condition]:
    """All conditions on documents and kinds, each tested by itself: all must hold, so those that fail are the least to drop.

    Raises:
        NotFoundError, UsageError: as `SearchRecords.scope`.
    """
    for name, (key, text) in _FIELDS.items():
        value = getattr(query.filters, name)
        if not value:
            continue
        only: dict[str, Any] = {name: value}
        alone = catalog.scope(Filters(**only))
        shown = named(value) if isinstance(value, tuple) else value
        met = alone is None or facts.document_id in alone
        yield Condition(key, text.format(shown), met, _dropping(name, facts))
    if query.kinds:
        met = bool(facts.kinds & set(query.kinds))
        yield Condition("kind", _KINDS[query.kinds[0]], met, lambda asked: replace(asked, kinds=()))


def _dropping(name: str, facts: Facts) -> Callable[[Query], Query]:
    def drop(query: Query) -> Query:
        more = (*query.filters.collections, *facts.collections[:1])
        left: dict[str, Any] = {name: more if name == "collections" else getattr(Filters(), name)}
        return replace(query, filters=replace(query.filters, **left))

    return drop


Holds = Callable[[tuple[str, ...], tuple[str, ...]], bool]
"""Whether some passage in question holds all of these phrases and none of these excluded words."""


def of_text(parsed: ParsedQuery, holds: Holds) -> list[Condition]:
    """Phrases and excluded words that have to go.

    Those that no passage in question meets; and where each of the others is met, but not all of them by one passage, one more
    (all of them, where one is not enough), which is then `met`.
    """
    parts = [*(("phrase", each) for each in parsed.phrases), *(("excluded", each) for each in parsed.excluded)]
    failing = [part for part in parts if not _held([part], holds)]
    others = [part for part in parts if part not in failing]
    ways = ([], *([part] for part in others), others)
    more = next(way for way in ways if _held([part for part in others if part not in way], holds))
    return [_said(*part, part in more) for part in parts if part in failing or part in more]


def _held(parts: Sequence[tuple[str, str]], holds: Holds) -> bool:
    phrases, excluded = (tuple(text for key, text in parts if key == wanted) for wanted in ("phrase", "excluded"))
    return not parts or holds(phrases, excluded)


def _said(key: str, text: str, met: bool) -> Condition:
    if key == "phrase":
        return Condition(key, f'the phrase "{text}"', met, _respelt(text, ""))
    return Condition(key, f'the excluded word "{text}"', met, _respelt("", text))


def _respelt(phrase: str, word: str) -> Callable[[Query], Query]:
    """The question without this phrase (its words stay) or this excluded word."""

    def spell(query: Query) -> Query:
        now = parse_query(query.text, wordless=bool(query.picture))
        parts = [now.loose, *([phrase] if phrase else [])]
        parts += [f'"{each}"' for each in now.phrases if each != phrase]
        parts += [f'-"{each}"' if " " in each else f"-{each}" for each in now.excluded if each != word]
        return replace(query, text=" ".join(filter(None, parts)))

    return spell
