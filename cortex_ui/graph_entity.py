"""The page of an entity, beside the picture: its names, what stands beside it, its passages, documents and dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.graph import GraphEntity, MentionPlace, Neighbour
from cortex_engine.core.search import Filters
from cortex_ui import drawer, graph_edit, graph_proofs, safe, wording
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words
from cortex_ui.session import suite

_SEARCH = Path(__file__).parents[1] / "pages" / "3_Knowledge_Search.py"
_MENTIONS, _NEIGHBOURS, _FIRST, _ALIASES, _RELATED = 200, 60, 14, 6, 5


def draw(entity: GraphEntity, is_centre: bool) -> None:
    """The whole page of it."""
    _head(entity, is_centre)
    mentions = suite().entity_mentions(entity.id, limit=_MENTIONS)
    dated = sum(1 for place in mentions if place.date)
    names = (entity.name, *entity.aliases)
    titles = ["Related", "Passages", "Documents", *(["Timeline"] if dated else [])]
    tabs = st.tabs(titles, key="graph_tabs", on_change="rerun")
    for tab, title in zip(tabs, titles, strict=True):
        if not tab.open:
            continue
        with tab:
            if title == "Related":
                _related(entity, suite().entity_neighbours(entity.id, limit=_NEIGHBOURS))
            elif title == "Passages":
                graph_proofs.draw(mentions, names, f"mention_{entity.id}", entity.mentions)
            elif title == "Documents":
                _documents(entity, mentions)
            else:
                graph_proofs.timeline(mentions, names, f"dated_{entity.id}")


def _head(entity: GraphEntity, is_centre: bool) -> None:
    others = [words.short(alias, 40) for alias in entity.aliases if alias != entity.name]
    more = f" and {len(others) - _ALIASES:,} more" if len(others) > _ALIASES else ""
    also = f'<div class="cx-quiet">Also: {safe.escape(", ".join(others[:_ALIASES]))}{more}</div>' if others else ""
    facts = " · ".join(filter(None, [words.kind(entity), words.facts(entity)]))
    safe.show(
        f'<h2 class="cx-entity">{safe.escape(words.short(entity.name, 120))}</h2>{also}'
        f'<div class="cx-quiet">{safe.escape(facts)}</div>'
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="graph_acts"):
        if not is_centre:
            st.button(
                "Centre here",
                icon=":material/center_focus_strong:",
                type="tertiary",
                on_click=state.go_to_entity,
                args=(entity.id,),
                key="graph_centre",
            )
        st.page_link(
            _SEARCH, label="Search", icon=":material/search:", query_params={"q": words.short(entity.name, 200)}
        )
        graph_edit.menu(entity)


def _related(entity: GraphEntity, neighbours: Sequence[Neighbour]) -> None:
    if not neighbours:
        st.markdown(":gray[No other name stands in a sentence with it.]")
        return
    whole = bool(st.session_state.get("graph_related_whole"))
    with st.container(gap=None, key="list_related"):
        for neighbour in neighbours if whole else neighbours[:_FIRST]:
            _neighbour(entity, neighbour)
    if not whole and len(neighbours) > _FIRST:
        more_button(len(neighbours) - _FIRST, "graph_related_whole")


def _neighbour(entity: GraphEntity, neighbour: Neighbour) -> None:
    """A name, how the texts say that it is connected, and the way to the sentences."""
    other = neighbour.entity
    with st.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
        key=f"rows_related_{other.id}",
    ):
        with st.container(gap=None):
            st.button(
                words.label(other.name, other.kind),
                type="tertiary",
                on_click=state.look_at,
                args=(other.id,),
                key=f"related_{other.id}",
            )
            if neighbour.labels:
                said = ", ".join(words.short(label, 30) for label in neighbour.labels[:3])
                safe.show(f'<div class="cx-quiet">{safe.escape(said)}</div>')
        st.button(
            wording.count(max(1, round(neighbour.weight)), "sentence"),
            type="tertiary",
            on_click=state.look_at,
            args=(entity.id, other.id),
            key=f"proofs_{other.id}",
        )


def more_button(left: int, key: str) -> None:
    """Show the whole of a list; `key`: under which the session keeps that."""
    st.button(
        f"{left:,} more",
        type="tertiary",
        icon=":material/expand_more:",
        on_click=_whole,
        args=(key,),
        key=f"{key}_more",
    )


def _whole(key: str) -> None:
    st.session_state[key] = True


def _documents(entity: GraphEntity, mentions: Sequence[MentionPlace]) -> None:
    """Where it is named and how often; then documents that are related to those."""
    counts = Counter((place.document_id, place.document) for place in mentions)
    with st.container(gap="xsmall", key="list_documents"):
        for (document_id, name), count in counts.most_common():
            document_row(document_id, name, wording.count(count, "mention"))
    if entity.mentions > len(mentions):
        safe.show(f'<div class="cx-quiet">By the first {len(mentions):,} of {entity.mentions:,} mentions.</div>')
    found: dict[str, float] = {}
    for (document_id, _), _count in counts.most_common(3):
        for other, weight in suite().related_documents(document_id, limit=_RELATED):
            found[other] = max(weight, found.get(other, 0.0))
    here = {document_id for document_id, _ in counts}
    related(sorted((item for item in found.items() if item[0] not in here), key=lambda item: -item[1])[:_RELATED])


def related(found: Sequence[tuple[str, float]]) -> None:
    """Documents that share names with these."""
    known = documents([document_id for document_id, _ in found])
    if not known:
        return
    st.markdown("**Related documents**")
    with st.container(gap=None, key="list_related_documents"):
        for document_id, _weight in found:
            if document_id in known:
                document_row(document_id, known[document_id].name, "")


def documents(ids: Sequence[str]) -> dict[str, Document]:
    """Those of the documents that there are, by id."""
    if not ids:
        return {}
    return {each.id: each for each in suite().documents(Filters(documents=tuple(ids)), limit=len(ids))}


def document_row(document_id: str, name: str, count: str) -> None:
    """A document: its name shows it in the panel, the button beside it opens its first page."""
    with st.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
        key=f"rows_document_{document_id}",
    ):
        with st.container(gap=None):
            st.button(
                safe.label(words.short(name, 44)),
                icon=":material/description:",
                type="tertiary",
                on_click=state.look_at,
                args=(document_id,),
                key=f"document_{document_id}",
            )
            if count:
                safe.show(f'<div class="cx-quiet">{safe.escape(count)}</div>')
        st.button(
            "Open",
            type="tertiary",
            icon=":material/open_in_full:",
            on_click=drawer.open_document,
            args=(document_id,),
            key=f"read_{document_id}",
        )
