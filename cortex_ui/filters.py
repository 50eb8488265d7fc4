"""The controls of a search: words, way of searching, collections, conditions on documents, and the chips of these."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from cortex_engine.core.app import Facets
from cortex_engine.core.collections import Collection
from cortex_engine.core.search import Filters
from cortex_ui import languages, picture_query, safe, search_state, wording
from cortex_ui.asked import KEYS, SIZES, Asked, without
from cortex_ui.session import suite

_MODES = {"hybrid": "Hybrid", "traditional": "Traditional", "graphrag": "GraphRAG Enhanced", "words": "Words"}
_SORTS = {"relevance": "Best match", "newest": "Newest first", "name": "Name"}
_KINDS = {"all": "All", "text": "Text", "pictures": "Pictures"}
_MOST_TAGS = 200


@dataclass(frozen=True, slots=True)
class Condition:
    """An active filter: what it says, and what is asked for without it."""

    key: str
    text: str
    without: Asked


def draw(collections: list[Collection], facets: Callable[[], Facets], sees: bool = False) -> None:
    """The controls. `facets`: asked for when the list of conditions is drawn; `sees`: pictures can be found."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="search_row"):
        st.text_input(
            "Search the library",
            type="search",
            placeholder='Ask a question, or type words; "a phrase"; -without',
            label_visibility="collapsed",
            key=KEYS["q"],
        )
        if sees:
            picture_query.control()
        st.segmented_control(
            "Way of searching",
            list(_MODES),
            required=True,
            format_func=_MODES.__getitem__,
            help="Hybrid: by meaning and by words. Traditional: by meaning alone (vectors). GraphRAG Enhanced: hybrid, and what "
            "the knowledge graph connects with it. Words: exactly these.",
            label_visibility="collapsed",
            key=KEYS["mode"],
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filter_row"):
        names = [collection.name for collection in collections]
        counts = {collection.name: collection.document_count for collection in collections}
        st.multiselect(
            "Collections",
            names,
            format_func=lambda name: _counted(name, counts),
            placeholder="All collections",
            label_visibility="collapsed",
            width=300,
            key=KEYS["in"],
        )
        active = len(conditions(search_state.gathered())) - len(search_state.gathered().collections)
        label = f"Filters ({active})" if active else "Filters"
        with st.popover(label, icon=":material/filter_list:", key="filters"):
            _conditions(facets())
        with st.popover("View", icon=":material/tune:", key="view"):
            _view()
        if sees:
            st.segmented_control(
                "Kind of results",
                list(_KINDS),
                required=True,
                format_func=_KINDS.__getitem__,
                label_visibility="collapsed",
                key=KEYS["kind"],
            )


def _counted(value: str, counts: Mapping[str, int], word: Callable[[str], str] = str) -> str:
    return f"{safe.label(word(value))} ({wording.number(counts.get(value, 0))})"


def _conditions(facets: Facets) -> None:
    """What documents must be like."""
    asked = search_state.gathered()
    _pills("Type", "type", facets.types, asked.types, wording.kind)
    _pills("Language", "lang", facets.languages, asked.languages, languages.name)
    tags = list(dict.fromkeys([*asked.tags, *facets.tags]))[:_MOST_TAGS]
    if tags:
        st.multiselect(
            "Tags",
            tags,
            format_func=lambda tag: _counted(tag, facets.tags),
            placeholder="Any tag",
            key=KEYS["tag"],
        )
    st.text_input("Words in title or file name", placeholder="report 2024", key=KEYS["title"])
    with st.container(horizontal=True, gap="small"):
        st.date_input("Dated from", value=None, format="YYYY-MM-DD", width=160, key=KEYS["from"])
        st.date_input("to", value=None, format="YYYY-MM-DD", width=160, key=KEYS["to"])
    if asked.start and asked.end and asked.start > asked.end:
        st.warning("The first date is after the last one, so nothing can be found.", icon=":material/warning:")
    if asked.filters != Asked(collections=asked.collections).filters:
        st.button(
            "Clear filters",
            type="tertiary",
            icon=":material/filter_list_off:",
            on_click=drop,
            args=(replace(cleared(asked), collections=asked.collections),),
            key="clear_filters",
        )


def _pills(
    title: str, name: str, counts: Mapping[str, int], chosen: tuple[str, ...], word: Callable[[str], str]
) -> None:
    options = list(dict.fromkeys([*(value for value in counts if value), *chosen]))
    if options:
        st.pills(
            title,
            options,
            selection_mode="multi",
            format_func=lambda value: _counted(value, counts, word),
            key=KEYS[name],
        )


def _view() -> None:
    """How the results are laid out."""
    st.toggle(
        "One result for each document",
        help="Off: every passage stands for itself, even when one document fills the whole list.",
        key=KEYS["group"],
    )
    st.selectbox("Order", list(_SORTS), format_func=_SORTS.__getitem__, key=KEYS["sort"])
    sizes = sorted({*SIZES, search_state.gathered().size})
    st.segmented_control("Results", sizes, required=True, key=KEYS["n"])


def conditions(asked: Asked) -> list[Condition]:
    """The active filters, one by one."""
    found: list[Condition] = []
    several = (
        ("in", asked.collections, str),
        ("type", asked.types, wording.kind),
        ("lang", asked.languages, languages.name),
        ("tag", asked.tags, "tag {}".format),
    )
    for name, values, word in several:
        found += [Condition(f"{name}_{_digest(value)}", word(value), without(asked, name, value)) for value in values]
    for document, name in _named(asked.documents).items():
        rest = tuple(each for each in asked.documents if each != document)
        found.append(Condition(f"only_{document[:10]}", f"only {name}", replace(asked, documents=rest)))
    if asked.title.strip():
        found.append(Condition("title", f"title: {asked.title.strip()}", replace(asked, title="")))
    if asked.start:
        found.append(Condition("from", f"from {wording.date(asked.start.isoformat())}", replace(asked, start=None)))
    if asked.end:
        found.append(Condition("to", f"to {wording.date(asked.end.isoformat())}", replace(asked, end=None)))
    return found


def _named(documents: tuple[str, ...]) -> dict[str, str]:
    """Names of documents by id; an id stands for itself where there is none of it (any more)."""
    known = suite().documents(Filters(documents=documents), limit=len(documents)) if documents else []
    names = {each.id: each.name for each in known}
    return {each: names.get(each, each) for each in documents}


def _digest(value: str) -> str:
    """A tag or a name as part of a key: short, and harmless in a page."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:10]


def cleared(asked: Asked) -> Asked:
    """The same without any condition on documents."""
    plain = Asked()
    return replace(
        asked,
        collections=plain.collections,
        documents=plain.documents,
        types=plain.types,
        languages=plain.languages,
        tags=plain.tags,
        title=plain.title,
        start=plain.start,
        end=plain.end,
    )


def drop(asked: Asked) -> None:
    """Ask for this instead (an `on_click` callback); the words and the mode stay as the widgets have them now."""
    now = search_state.gathered()
    search_state.put(replace(asked, text=now.text, mode=now.mode))


def chips(asked: Asked) -> None:
    """The active filters, each with a cross that takes it away."""
    active = conditions(replace(asked, collections=()))  # collections stand in their own field
    active = [replace(each, without=replace(each.without, collections=asked.collections)) for each in active]
    if asked.pool:
        active.append(Condition("pool", f"{wording.number(asked.pool)} candidates", replace(asked, pool=0)))
    if asked.miss == 0:
        active.append(Condition("miss", "nearest shown anyway", replace(asked, miss=None)))
    if not active:
        return
    with st.container(horizontal=True, gap="xsmall", key="chips"):
        for condition in active:
            st.button(
                safe.label(condition.text),
                icon=":material/close:",
                icon_position="right",
                help="Take this filter away",
                on_click=drop,
                args=(condition.without,),
                key=f"chip_{condition.key}",
            )
        if len(active) > 1:
            st.button(
                "Clear all",
                type="tertiary",
                on_click=drop,
                args=(replace(cleared(asked), collections=asked.collections),),
                key="chips_clear",
            )
