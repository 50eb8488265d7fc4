"""What the search page is asked for, held in its widgets, and the results that were found.

Streamlit can bind a widget to the URL by itself, but then the URL holds the words on the screen (which hold counts and
escapes here), and a value that makes no sense disappears without a word. So the page does it: what the URL says is
taken over when the page is opened or the URL changed from outside, and written whenever a person changes a widget.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import streamlit as st

from cortex_engine.core.search import Query, SearchResult
from cortex_ui.asked import KEYS, KINDS, LONGEST, MODES, MOST_SHOWN, PARAMETERS, PREFETCHES, SORTS, Asked, Url, from_url
from cortex_ui.session import suite

_WRITTEN, _LAST, _REMARKS, _STALE = "search_url", "search_asked", "search_remarks", "search_url_before"
_RESULTS, _REMEMBERED, _RECORDED = "search_results", "search_remembered", "search_recorded"
_KEPT_RESULTS, _KEPT_SECONDS = 12, 60.0
_STALE_SECONDS = 1.5
"""So long a request can still carry the URL that the page has already replaced."""


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
    plain = _as_set()
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
        "picture": asked.picture,
        "kind": asked.kind,
        "rerank": plain.rerank if asked.rerank is None else asked.rerank,
        "candidates": asked.candidates or plain.candidates,
        "best": asked.best or plain.best,
        "prefetch": asked.prefetch,
        "weight": plain.weight if asked.weight is None else asked.weight,
        "only": list(asked.documents),
        "pool": asked.pool,
        "miss": asked.miss,
    }
    for name, value in values.items():
        st.session_state[KEYS[name]] = value


def _as_set() -> Asked:
    """What the settings say where a person says nothing."""
    config = suite().config
    return Asked(
        rerank=config.reranker_in_use != "none",
        candidates=config.qwen3_vl_reranker_candidates,
        best=config.qwen3_vl_reranker_top_k,
        weight=config.picture_weight,
    )


def _chosen(name: str, usual: Any) -> Any:
    """What a widget says; None where that is what the settings say, or nothing."""
    value = st.session_state.get(KEYS[name])
    return None if value == usual else value


def gathered() -> Asked:
    """What the widgets say now. A browser could send anything: what is not among the choices counts as the default."""
    state = {name: st.session_state.get(key) for name, key in KEYS.items()}
    plain, usual = Asked(), _as_set()
    mode, sort, size = state["mode"], state["sort"], state["n"]
    group = state["group"]
    return Asked(
        str(state["q"] or "")[:LONGEST],
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
        size if isinstance(size, int) and 1 <= size <= MOST_SHOWN else plain.size,
        str(state["picture"] or ""),
        state["kind"] if state["kind"] in KINDS else plain.kind,
        _chosen("rerank", usual.rerank),
        _chosen("candidates", usual.candidates) or 0,
        _chosen("best", usual.best) or 0,
        state["prefetch"] if state["prefetch"] in PREFETCHES else plain.prefetch,
        _chosen("weight", usual.weight),
        tuple(state["only"] or ()),
        int(state["pool"] or 0),
        state["miss"],
    )


def by_picture(reference: str, text: str | None = None) -> Asked:
    """What is asked now, by this picture instead; words alone find no picture, so the way of searching is hybrid then."""
    now = gathered()
    mode = Asked().mode if now.mode == "words" else now.mode
    return replace(now, picture=reference, mode=mode, text=now.text if text is None else text)


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


def last() -> Asked:
    """What was asked last, also after the page was left."""
    asked: Asked = st.session_state.get(_LAST) or Asked()
    return asked


def found(query: Query, record: bool = True) -> SearchResult:
    """The result; asked of the engine only when the query or the library is another than before.

    Args:
        query: what is asked.
        record: whether the flight recorder keeps it: what a person asked, not what the page wants to know besides.

    Raises:
        CortexError: the query makes no sense, or nothing can answer it.
    """
    kept: OrderedDict[object, tuple[float, SearchResult]] = st.session_state.setdefault(_RESULTS, OrderedDict())
    key = (query, suite().moment())
    if key in kept and time.monotonic() - kept[key][0] < _KEPT_SECONDS:
        return kept[key][1]
    again = st.session_state.get(_RECORDED, (None, ""))
    result = suite().search(query, "page", record and again[0] != key)
    if result.flight_id:
        st.session_state[_RECORDED] = (key, result.flight_id)
    elif record and again[0] == key:  # the page was drawn anew: it is the same search
        result = replace(result, flight_id=again[1])
    if not result.degraded and not result.warnings:
        kept[key] = (time.monotonic(), result)
    while len(kept) > _KEPT_RESULTS:
        kept.popitem(last=False)
    return result


def remember(query: Query, hits: int) -> None:
    """Put a search into the history, once for each time that it is asked; one that names documents would outlive them."""
    if query.filters.documents:
        return
    if st.session_state.get(_REMEMBERED) != query:
        st.session_state[_REMEMBERED] = query
        suite().remember_search(query, hits)
