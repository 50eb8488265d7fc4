"""What the page Knowledge Graph is about: the centre, the depth and what is looked at, all kept in the URL.

The URL is the only truth, so a link, a reload and the browser's back button find the same picture again. A value that
makes no sense is taken out of it with a remark. `doc` with `page` belongs to the source drawer; `doc` alone is a centre.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import streamlit as st

from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.graph import GraphEntity, GraphStats, Neighbourhood
from cortex_engine.core.search import Query, SearchHit, SearchMode
from cortex_ui import search_state
from cortex_ui.session import suite

DEPTHS = (1, 2, 3)
MOST_NODES = 60
FIRST_NODES, FIRST_NAMES = 40, 6
"""The picture that nobody asked for: what stands beside the most mentioned names."""

MOST_DOCUMENTS = 30
LONGEST_QUERY = 2000
_PARAMETERS = ("entity", "document", "passage", "q", "depth", "see", "with")
_REMARKS, _PICTURE, _HITS = "graph_remarks", "graph_picture", "graph_hits"
_CLICKS, _CLEAR = "graph_clicks", "graph_find_clear"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Centre:
    """What the picture is drawn around: one of these, or nothing.

    Attributes:
        entity: its id. documents, passage: ids. query: of a search, whose hits it is.
    """

    entity: str = ""
    documents: tuple[str, ...] = ()
    passage: str = ""
    query: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return self == Centre()

    @property
    def one(self) -> str:
        """The id of the one node that it is, "" where it is none or several."""
        return self.entity or (self.documents[0] if len(self.documents) == 1 else "")

    def url(self) -> dict[str, str | list[str]]:
        """Its parameters."""
        found: dict[str, str | list[str]] = {"entity": self.entity, "passage": self.passage, "q": self.query}
        return {name: value for name, value in {**found, "document": list(self.documents)}.items() if value}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the panel shows: an entity or a document, or what connects two of them."""

    first: str = ""
    second: str = ""


# -- reading the URL -------------------------------------------------------------------------------------------------


def centre() -> Centre:
    """What the URL asks for, each thing of it existing; what does not is dropped with a remark."""
    text = st.query_params.get("q", "").strip()
    asked = Centre(st.query_params.get("entity", "").strip(), _documents(), st.query_params.get("passage", "").strip())
    if asked.entity:
        found = _entity(asked.entity)
        return Centre(entity=found.id) if found else _drop("entity", "name", asked.entity)
    if asked.documents:
        return Centre(documents=_there(asked.documents))
    if asked.passage:
        try:
            return Centre(passage=suite().passage(asked.passage).chunk.id)
        except NotFoundError:
            return _drop("passage", "passage", asked.passage)
    if len(text) > LONGEST_QUERY:
        remark(f"The link's search was cut to {LONGEST_QUERY:,} characters.")
    return Centre(query=text[:LONGEST_QUERY])


def _documents() -> tuple[str, ...]:
    """Ids of the documents that the URL names, `doc` alone included: links of other pages say it so."""
    alone = st.query_params.get("doc", "") if "page" not in st.query_params else ""
    if alone and not any(name in st.query_params for name in ("entity", "document", "passage", "q")):
        del st.query_params["doc"]
        st.query_params["document"] = alone
    return tuple(dict.fromkeys(each.strip() for each in st.query_params.get_all("document") if each.strip()))[
        :MOST_DOCUMENTS
    ]


def _there(asked: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of those of the documents (ids or names) that there are."""
    left = []
    for each in asked:
        try:
            left.append(suite().document(each).id)
        except (NotFoundError, UsageError):
            _drop("document", "document", each)
    found = tuple(dict.fromkeys(left))
    if found != asked:
        st.query_params.from_dict({**st.query_params.to_dict(), **Centre(documents=found).url()})
    return found


def _entity(asked: str) -> GraphEntity | None:
    """An entity by id or name: people write links by hand."""
    try:
        return suite().entity(asked[:500])
    except NotFoundError:
        return None


def _drop(parameter: str, noun: str, value: str) -> Centre:
    """Forget a value of the URL that leads nowhere, and say so."""
    st.query_params.pop(parameter, None)
    remark(f"There is no {noun} '{value[:60]}' in the graph any more, or the link is not complete.")
    return Centre()


def depth() -> int:
    """How many steps the picture goes."""
    text = st.query_params.get("depth", "").strip()
    if text in {str(each) for each in DEPTHS}:
        return int(text)
    if text:
        st.query_params.pop("depth", None)
        remark(f"The link asked for the depth '{text[:20]}', which is not 1, 2 or 3.")
    return DEPTHS[0]


def seen() -> Seen:
    """What is looked at."""
    first, second = (st.query_params.get(name, "").strip() for name in ("see", "with"))
    if any(each and not _ID.fullmatch(each) for each in (first, second)) or (second and not first):
        look_away()
        remark("The link named something to look at that cannot be read; it was left out.")
        return Seen()
    return Seen(first, second)


def remark(sentence: str) -> None:
    """Say this until something else is asked for."""
    kept: list[str] = st.session_state.setdefault(_REMARKS, [])
    if sentence not in kept:
        kept.append(sentence)


def remarks() -> list[str]:
    """What is to be said about the URL."""
    return list(st.session_state.get(_REMARKS, []))


# -- writing it (for `on_click` and `on_change`) ---------------------------------------------------------------------


def go(wanted: Centre) -> None:
    """Draw the picture around something else."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in _PARAMETERS}
    if "depth" in st.query_params and not wanted.empty:
        kept["depth"] = st.query_params.get_all("depth")
    st.query_params.from_dict({**kept, **wanted.url()})
    st.session_state.pop(_REMARKS, None)
    st.session_state[_CLEAR] = True


def clears_the_box() -> bool:
    """Whether something else was chosen since the search box was drawn; once."""
    return bool(st.session_state.pop(_CLEAR, False))


def go_to_entity(entity_id: str) -> None:
    """Draw the picture around an entity."""
    go(Centre(entity=entity_id))


def go_to_documents(*document_ids: str) -> None:
    """Draw the picture around documents."""
    go(Centre(documents=document_ids[:MOST_DOCUMENTS]))


def set_depth(key: str) -> None:
    """The control of the depth was changed."""
    st.query_params["depth"] = str(st.session_state[key] or DEPTHS[0])
    st.session_state.pop(_REMARKS, None)


def look_at(first: str, second: str = "", by_chart: bool = False) -> None:
    """Show this in the panel. The chart keeps what was clicked in it to itself: after any other click it begins anew."""
    st.query_params["see"] = first
    if second:
        st.query_params["with"] = second
    else:
        st.query_params.pop("with", None)
    if not by_chart:
        st.session_state[_CLICKS] = clicks() + 1


def look_away() -> None:
    """Show what the picture as a whole is about."""
    st.query_params.pop("see", None)
    st.query_params.pop("with", None)
    st.session_state[_CLICKS] = clicks() + 1


def clicks() -> int:
    """How often something else than the chart chose what is looked at; part of the chart's key."""
    return int(st.session_state.get(_CLICKS, 0))


# -- what is asked of the engine -------------------------------------------------------------------------------------


def hits(text: str) -> tuple[SearchHit, ...]:
    """What a search finds: as the search page would, with its conditions where it was the last one asked.

    Raises:
        CortexError: nothing can answer it.
    """
    asked = search_state.last()
    query = asked.query() if asked.text.strip() == text else Query(text)
    query = replace(query, text=text, picture="")
    if query.mode is not SearchMode.LEXICAL and not suite().embedding_ready(query.filters.collections):
        query = replace(query, mode=SearchMode.LEXICAL)
    key, kept = (query, suite().moment()), st.session_state.get(_HITS)
    if kept is None or kept[0] != key:
        kept = st.session_state[_HITS] = (key, suite().search(query, record=False).hits)
    found: tuple[SearchHit, ...] = kept[1]
    return found


def picture(wanted: Centre, steps: int, stats: GraphStats) -> Neighbourhood:
    """The local graph; asked of the engine only when it or the graph is another than before.

    Raises:
        CortexError: the search behind it cannot be answered.
    """
    chunks: tuple[str, ...] = (wanted.passage,) if wanted.passage else ()
    if wanted.query:
        chunks = tuple(each.chunk_id for each in hits(wanted.query))
        if not chunks:
            return Neighbourhood()
    key, kept = (wanted, steps, chunks, stats, suite().moment()), st.session_state.get(_PICTURE)
    if kept is None or kept[0] != key:
        kept = st.session_state[_PICTURE] = (key, _drawn(wanted, steps, chunks))
    found: Neighbourhood = kept[1]
    return found


def _drawn(wanted: Centre, steps: int, chunks: tuple[str, ...]) -> Neighbourhood:
    if wanted.empty:
        first = tuple(each.id for each in suite().find_entities(limit=FIRST_NAMES))
        return suite().local_graph(entity_ids=first, depth=1, limit=FIRST_NODES)
    entities = (wanted.entity,) if wanted.entity else ()
    return suite().local_graph(entities, wanted.documents, chunks, depth=steps, limit=MOST_NODES)
