"""What the search page is asked for: one value that the widgets, the URL and a saved search agree on, and its URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from cortex_engine.core.search import Filters, HitKind, Query, SearchMode

MODES = {
    "hybrid": SearchMode.HYBRID,
    "traditional": SearchMode.TRADITIONAL,
    "graphrag": SearchMode.GRAPHRAG,
    "words": SearchMode.LEXICAL,
}
_SAME = {
    **dict.fromkeys(("meaning", "vector", "semantic"), "traditional"),
    **dict.fromkeys(("lexical", "keyword", "keywords"), "words"),
    "graph": "graphrag",
}
"""Other words for a mode, those of older links among them."""
SORTS = ("relevance", "newest", "name")
SIZES = (10, 20, 50, 100)
MOST_SHOWN, MOST_CANDIDATES = 1000, 100_000
KINDS: dict[str, tuple[HitKind, ...]] = {"all": (), "text": (HitKind.TEXT,), "pictures": (HitKind.PICTURE,)}
PREFETCHES = ("", "picture", "description")
MOST_RERANKED = 1000
_DEFAULT_SIZE = 20
LONGEST = 2000
"""Characters of a query; what is longer was pasted by mistake and is cut, with a sentence."""

PARAMETERS = (
    *("q", "mode", "in", "type", "lang", "tag", "title", "from", "to", "group", "sort", "n"),
    *("picture", "kind", "rerank", "candidates", "best", "prefetch", "weight", "only", "pool", "miss"),
)
KEYS = {name: name if name in {"q", "mode", "in"} else f"search_{name}" for name in PARAMETERS}
"""Parameter of the URL -> key of its widget."""

Url = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that can be set on the page.

    Attributes:
        start, end: dates of the documents, inclusive.
        picture: what `Query.picture` takes.
        kind: a key of `KINDS`.
        rerank, candidates, best, weight: as the settings say where they are None or 0; `best`: results that leave the
            reranker; `weight`: share of a picture's own look, 0..1.
        size: how many results; any number, though the page offers `SIZES`.
        documents: ids, where only some documents are searched.
        pool: candidates of each way of searching, 0 as the settings say.
        miss: as `Query.miss_rate`.
    """

    text: str = ""
    mode: str = "hybrid"
    collections: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    title: str = ""
    start: date | None = None
    end: date | None = None
    group: bool = True
    sort: str = "relevance"
    size: int = _DEFAULT_SIZE
    picture: str = ""
    kind: str = "all"
    rerank: bool | None = None
    candidates: int = 0
    best: int = 0
    prefetch: str = ""
    weight: float | None = None
    documents: tuple[str, ...] = ()
    pool: int = 0
    miss: float | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return not (self.text.strip() or self.picture)

    @property
    def filters(self) -> Filters:
        """The conditions on documents."""
        return Filters(
            collections=self.collections,
            documents=self.documents,
            types=self.types,
            languages=self.languages,
            tags=self.tags,
            title=self.title.strip(),
            date_from=self.start.isoformat() if self.start else "",
            date_to=self.end.isoformat() if self.end else "",
        )

    def query(self) -> Query:
        """The query for the engine."""
        return Query(
            self.text.strip(),
            MODES[self.mode],
            self.size,
            self.filters,
            self.group,
            self.pool,
            picture=self.picture,
            kinds=KINDS[self.kind],
            rerank=self.rerank,
            rerank_candidates=self.candidates,
            rerank_top_k=self.best,
            prefetch=self.prefetch,
            picture_weight=self.weight,
            miss_rate=self.miss,
        )

    def url(self) -> Url:
        """The parameters of the URL; what has its default is left out."""
        plain = Asked()
        values: dict[str, list[str]] = {
            "q": [self.text],
            "mode": [self.mode] if self.mode != plain.mode else [],
            "in": list(self.collections),
            "type": list(self.types),
            "lang": list(self.languages),
            "tag": list(self.tags),
            "title": [self.title],
            "from": [self.start.isoformat()] if self.start else [],
            "to": [self.end.isoformat()] if self.end else [],
            "group": ["0"] if not self.group else [],
            "sort": [self.sort] if self.sort != plain.sort else [],
            "n": [str(self.size)] if self.size != plain.size else [],
            "picture": [self.picture],
            "kind": [self.kind] if self.kind != plain.kind else [],
            "rerank": [] if self.rerank is None else [str(int(self.rerank))],
            "candidates": [str(self.candidates)] if self.candidates else [],
            "best": [str(self.best)] if self.best else [],
            "prefetch": [self.prefetch],
            "weight": [] if self.weight is None else [f"{self.weight:.2f}"],
            "only": list(self.documents),
            "pool": [str(self.pool)] if self.pool else [],
            "miss": [] if self.miss is None else [f"{self.miss:g}"],
        }
        return {name: kept for name, each in values.items() if (kept := [value for value in each if value])}


def without(asked: Asked, name: str, value: str) -> Asked:
    """The same without one of the values of a condition that has several."""
    values = {"in": asked.collections, "type": asked.types, "lang": asked.languages, "tag": asked.tags}
    values[name] = tuple(each for each in values[name] if each != value)
    return replace(asked, collections=values["in"], types=values["type"], languages=values["lang"], tags=values["tag"])


def from_query(query: Query) -> Asked:
    """What a remembered or saved query asked for."""
    filters = query.filters
    mode = next(name for name, mode in MODES.items() if mode is query.mode)
    start, end = _day(filters.date_from), _day(filters.date_to)
    kind = next((name for name, kinds in KINDS.items() if set(kinds) == set(query.kinds)), "all")
    return Asked(
        query.text,
        mode,
        filters.collections,
        filters.types,
        filters.languages,
        filters.tags,
        filters.title,
        start,
        end,
        query.group,
        size=query.top_k,
        picture=query.picture,
        kind=kind,
        rerank=query.rerank,
        candidates=query.rerank_candidates,
        best=query.rerank_top_k,
        prefetch=query.prefetch if query.prefetch in PREFETCHES else "",
        weight=query.picture_weight,
        documents=filters.documents,
        pool=query.candidates,
        miss=query.miss_rate,
    )


class _Reading:
    """The values of a URL, read one by one; what makes no sense is told in `told`."""

    def __init__(self, url: Mapping[str, list[str]]) -> None:
        self.told: list[str] = []
        self._url = url

    def several(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for value in self._url.get(name, []) if value.strip()))

    def text(self, name: str) -> str:
        value = (self._url.get(name) or [""])[-1].strip()
        if len(value) > LONGEST:
            self.told.append(f"The link's {name} was cut to {LONGEST:,} characters.")
        return value[:LONGEST]

    def choice(self, name: str, options: Iterable[str], default: str) -> str:
        value, known = self.text(name).lower(), tuple(options)
        value = _SAME.get(value, value) if name == "mode" else value
        if value and value not in known:
            self.told.append(f"The link asked for {name} '{value[:40]}', which is not one of {', '.join(known)}.")
        return value if value in known else default

    def number(self, name: str, most: float, kind: type[int] | type[float] = int) -> float | None:
        """A number from 0 to `most`, None where there is none."""
        value = self.text(name)
        if not value:
            return None
        try:
            number = kind(value)
        except ValueError:
            number = -1
        if value.isascii() and 0 <= number <= most:
            return number
        self.told.append(f"The link asked for {name} '{value[:40]}', which is not a number from 0 to {most:,}.")
        return None

    def day(self, name: str) -> date | None:
        value = self.text(name)
        if value and _day(value) is None:
            self.told.append(f"The link asked for {name} '{value[:40]}', which is not a date like 2024-03-01.")
        return _day(value)


def from_url(url: Mapping[str, list[str]], collections: list[str]) -> tuple[Asked, list[str]]:
    """What a URL asks for, and a sentence for each value in it that makes no sense and was left out."""
    read = _Reading(url)
    asked = Asked(
        read.text("q"),
        read.choice("mode", MODES, "hybrid"),
        tuple(name for name in read.several("in") if name in collections),
        read.several("type"),
        read.several("lang"),
        read.several("tag"),
        read.text("title"),
        read.day("from"),
        read.day("to"),
        read.choice("group", ("0", "1"), "1") == "1",
        read.choice("sort", SORTS, "relevance"),
        int(read.number("n", MOST_SHOWN) or 0) or _DEFAULT_SIZE,
        read.text("picture"),
        read.choice("kind", KINDS, "all"),
        {"": None, "1": True, "0": False}[read.choice("rerank", ("", "0", "1"), "")],
        int(read.number("candidates", MOST_RERANKED) or 0),
        int(read.number("best", MOST_RERANKED) or 0),
        read.choice("prefetch", PREFETCHES, ""),
        read.number("weight", 1, float),
        read.several("only"),
        int(read.number("pool", MOST_CANDIDATES) or 0),
        read.number("miss", 0.5, float),
    )
    read.told += [
        f"The link asked for the collection '{name[:80]}', which does not exist (any more)."
        for name in read.several("in")
        if name not in collections
    ]
    if asked.start and asked.end and asked.start > asked.end:
        read.told.append("The link's first date was after its last date; both were left out.")
        asked = replace(asked, start=None, end=None)
    return asked, read.told


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
