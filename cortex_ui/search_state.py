"""What the search page is asked for: one value that the widgets, the URL and a saved search agree on.

Streamlit can bind a widget to the URL by itself, but then the URL holds the words on the screen (which hold counts and
escapes here), and a value that makes no sense disappears without a word. So the page does it: what the URL says is
taken over when the page is opened or the URL changed from outside, and written whenever a person changes a widget.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import streamlit as st

from cortex_engine.core.search import Filters, Query, SearchMode, SearchResult
from cortex_ui.session import suite

MODES = {"hybrid": SearchMode.HYBRID, "meaning": SearchMode.VECTOR, "words": SearchMode.LEXICAL}
_SAME = {"vector": "meaning", "semantic": "meaning", "lexical": "words", "keyword": "words", "keywords": "words"}
SORTS = ("relevance", "newest", "name")
SIZES = (10, 20, 50, 100)
_DEFAULT_SIZE = 20
_LONGEST = 2000
"""Characters of a query; what is longer was pasted by mistake and is cut, with a sentence."""

PARAMETERS = ("q", "mode", "in", "type", "lang", "tag", "title", "from", "to", "group", "sort", "n")
_LISTS = ("in", "type", "lang", "tag")
KEYS = {name: name if name in {"q", "mode", "in"} else f"search_{name}" for name in PARAMETERS}
"""Parameter of the URL -> key of its widget."""

_WRITTEN, _LAST, _REMARKS, _STALE = "search_url", "search_asked", "search_remarks", "search_url_before"
_RESULTS, _REMEMBERED = "search_results", "search_remembered"
_KEPT_RESULTS, _KEPT_SECONDS = 12, 60.0
_STALE_SECONDS = 1.5
"""So long a request can still carry the URL that the page has already replaced."""

Url = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that can be set on the page. `start`, `end`: dates of the documents, inclusive."""

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

    @property
    def filters(self) -> Filters:
        """The conditions on documents."""
        return Filters(
            collections=self.collections,
            types=self.types,
            languages=self.languages,
            tags=self.tags,
            title=self.title.strip(),
            date_from=self.start.isoformat() if self.start else "",
            date_to=self.end.isoformat() if self.end else "",
        )

    def query(self) -> Query:
        """The query for the engine."""
        return Query(self.text.strip(), MODES[self.mode], self.size, self.filters, self.group)

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
    size = query.top_k if query.top_k in SIZES else _DEFAULT_SIZE
    start, end = _day(filters.date_from), _day(filters.date_to)
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
        size=size,
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
        if len(value) > _LONGEST:
            self.told.append(f"The link's {name} was cut to {_LONGEST:,} characters.")
        return value[:_LONGEST]

    def choice(self, name: str, options: Iterable[str], default: str) -> str:
        value, known = self.text(name).lower(), tuple(options)
        value = _SAME.get(value, value) if name == "mode" else value
        if value and value not in known:
            self.told.append(f"The link asked for {name} '{value[:40]}', which is not one of {', '.join(known)}.")
        return value if value in known else default

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
        int(read.choice("n", map(str, SIZES), str(_DEFAULT_SIZE))),
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


def _url() -> Url:
    return {name: values for name in PARAMETERS if (values := st.query_params.get_all(name))}


def remarks() -> list[str]:
    """Sentences about values of the URL that were left out; they stay until the next change."""
    return list(st.session_state.get(_REMARKS, []))


def take_over(collections: list[str]) -> None:
    """Before the widgets are drawn: put into them what the URL asks for, if it comes from outside."""
    state, url = st.session_state, _url()
    arrived = "q" not in state
    if not arrived and (url == state.get(_WRITTEN) or _changed() or _late(url)):
        return
    if arrived and not url and _LAST in state:
        told: list[str] = []
        asked = state[_LAST]  # back from another page: as it was left
    else:
        asked, told = from_url(url, collections)
    if arrived:
        state.pop(_RESULTS, None)  # tags, names and memberships may be others than when these were found
    put(replace(asked, collections=tuple(name for name in asked.collections if name in collections)))
    state[_LAST], state[_REMARKS] = gathered(), told


def _changed() -> bool:
    """Whether a person changed a widget in this run: that counts for more than a URL which is on its way."""
    return gathered() != st.session_state.get(_LAST)


def _late(url: Url) -> bool:
    before = st.session_state.get(_STALE)
    return before is not None and url == before[0] and time.monotonic() - before[1] < _STALE_SECONDS


def put(asked: Asked) -> None:
    """Set the widgets (in a callback, or before they are drawn)."""
    values: dict[str, Any] = {
        "q": asked.text,
        "mode": asked.mode,
        "in": list(asked.collections),
        "type": list(asked.types),
        "lang": list(asked.languages),
        "tag": list(asked.tags),
        "title": asked.title,
        "from": asked.start,
        "to": asked.end,
        "group": asked.group,
        "sort": asked.sort,
        "n": asked.size,
    }
    for name, value in values.items():
        st.session_state[KEYS[name]] = value


def gathered() -> Asked:
    """What the widgets say now. A browser could send anything: what is not among the choices counts as the default."""
    state = {name: st.session_state.get(key) for name, key in KEYS.items()}
    plain = Asked()
    mode, sort, size = state["mode"], state["sort"], state["n"]
    group = state["group"]
    return Asked(
        str(state["q"] or "")[:_LONGEST],
        mode if mode in MODES else plain.mode,
        tuple(state["in"] or ()),
        tuple(state["type"] or ()),
        tuple(state["lang"] or ()),
        tuple(state["tag"] or ()),
        str(state["title"] or ""),
        state["from"],
        state["to"],
        plain.group if group is None else bool(group),
        sort if sort in SORTS else plain.sort,
        size if size in SIZES else plain.size,
    )


def settle() -> Asked:
    """After the widgets are drawn: what is asked for; the URL follows."""
    state, asked = st.session_state, gathered()
    if asked != state.get(_LAST):
        state[_REMARKS] = []
    state[_LAST] = asked
    url, before = asked.url(), _url()
    if url != before:
        rest = {name: st.query_params.get_all(name) for name in st.query_params if name not in PARAMETERS}
        state[_STALE] = (before, time.monotonic())
        st.query_params.from_dict(url | rest)
    state[_WRITTEN] = url
    return asked


def found(query: Query) -> SearchResult:
    """The result; asked of the engine only when the query or the library is another than before.

    Raises:
        CortexError: the query makes no sense, or nothing can answer it.
    """
    kept: OrderedDict[object, tuple[float, SearchResult]] = st.session_state.setdefault(_RESULTS, OrderedDict())
    key = (query, suite().moment())
    if key in kept and time.monotonic() - kept[key][0] < _KEPT_SECONDS:
        return kept[key][1]
    result = suite().search(query)
    if not result.degraded and not result.warnings:
        kept[key] = (time.monotonic(), result)
    while len(kept) > _KEPT_RESULTS:
        kept.popitem(last=False)
    return result


def remember(query: Query, hits: int) -> None:
    """Put a search into the history, once for each time that it is asked."""
    if st.session_state.get(_REMEMBERED) != query:
        st.session_state[_REMEMBERED] = query
        suite().remember_search(query, hits)
