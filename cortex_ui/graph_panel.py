"""The panel beside the picture: the page of an entity or a document, what connects two of them, or what the picture holds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.graph import EntityKind, GraphEntity, GraphNode, Neighbourhood
from cortex_ui import drawer, graph_entity, graph_proofs, safe, wording
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words
from cortex_ui.session import suite, told

_NODES, _NAMES, _PROOFS = 14, 30, 50

Thing = GraphEntity | Document | None


def draw(wanted: state.Centre, seen: state.Seen, found: Neighbourhood) -> None:
    """What is looked at; where nothing is, the centre; where that is no one thing, the nodes of the picture."""
    centre = wanted.one
    first = thing(seen.first or centre)
    second = thing(seen.second)
    if seen.first and (first is None or (seen.second and second is None)):
        st.info("What the link looked at is in the library no more.", icon=":material/link_off:")
        first, second = thing(centre), None
    elif seen.first and (seen.first != centre or second is not None):
        st.button("Back", icon=":material/arrow_back:", type="tertiary", on_click=state.look_away, key="graph_back")
    with told():
        if first is not None and second is not None:
            _between(first, second)
        elif isinstance(first, GraphEntity):
            graph_entity.draw(first, first.id == centre)
        elif isinstance(first, Document):
            _document(first, first.id == centre)
        else:
            _nodes(found.nodes)


def thing(one: str) -> Thing:
    """The entity or document of this id, None where there is none."""
    if not one:
        return None
    try:
        return suite().entity(one)
    except NotFoundError:
        return graph_entity.documents([one]).get(one)


def _name(of: GraphEntity | Document) -> str:
    return words.short(of.name, 80)


def _names(of: GraphEntity | Document) -> tuple[str, ...]:
    return (of.name, *of.aliases) if isinstance(of, GraphEntity) else ()


def _between(first: GraphEntity | Document, second: GraphEntity | Document) -> None:
    """The sentences that prove that two belong together."""
    if isinstance(first, Document):
        first, second = second, first
    safe.show(
        f'<h2 class="cx-entity">{safe.escape(_name(first))} <span class="cx-quiet">and</span> '
        f"{safe.escape(_name(second))}</h2>"
    )
    with st.container(horizontal=True, gap="small", key="rows_between"):
        for each in (first, second):
            st.button(
                f"About {safe.label(words.short(each.name, 24))}",
                icon=":material/arrow_forward:",
                type="tertiary",
                on_click=state.look_at,
                args=(each.id,),
                key=f"between_{each.id}",
            )
    if isinstance(first, Document):
        st.markdown("They name the same things; select one of them to see its names.")
        return
    if isinstance(second, Document):
        places = suite().entity_mentions(first.id, limit=_PROOFS, document_id=second.id)
        said = f"{wording.count(len(places), 'mention')} in this document"
    else:
        places = suite().relation_proofs(first.id, second.id, limit=_PROOFS)
        said = f"{wording.count(len(places), 'sentence')} with both names" if places else "No sentence names both."
    safe.show(f'<div class="cx-quiet">{safe.escape(said)}</div>')
    graph_proofs.draw(places, (*_names(first), *_names(second)), f"between_{first.id}_{second.id}")


def _document(document: Document, is_centre: bool) -> None:
    """A document: the names in it, and documents that name the same."""
    facts = " · ".join([wording.kind(document.info.media_type), wording.count(document.page_count, "page")])
    safe.show(
        f'<h2 class="cx-entity">{safe.escape(_name(document))}</h2><div class="cx-quiet">{safe.escape(facts)}</div>'
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="graph_acts"):
        if not is_centre:
            st.button(
                "Centre here",
                icon=":material/center_focus_strong:",
                type="tertiary",
                on_click=state.go_to_documents,
                args=(document.id,),
                key="graph_centre",
            )
        st.button(
            "Open",
            icon=":material/open_in_full:",
            type="tertiary",
            on_click=drawer.open_document,
            args=(document.id,),
            key="graph_open",
        )
    named = suite().document_entities([document.id], limit=_NAMES)
    st.markdown("**Names in it**" if named else ":gray[No names were found in it.]")
    with st.container(gap=None, key="list_named"):
        for entity in named:
            _entity_row(entity)
    graph_entity.related(suite().related_documents(document.id, limit=8))


def _entity_row(entity: GraphEntity) -> None:
    with st.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
        key=f"rows_entity_{entity.id}",
    ):
        with st.container(gap=None):
            node_button(entity.id, entity.name, entity.kind)
        with st.container(width="content"):
            safe.show(f'<span class="cx-quiet">{wording.count(entity.documents, "document")}</span>')


def node_button(one: str, name: str, kind: EntityKind) -> None:
    """Look at a node."""
    st.button(words.label(name, kind), type="tertiary", on_click=state.look_at, args=(one,), key=f"node_{one}")


def _nodes(nodes: Sequence[GraphNode]) -> None:
    """What the picture holds, heaviest first: with the keyboard as with the mouse."""
    safe.show(
        '<h2 class="cx-entity">In this picture</h2><div class="cx-quiet">Select a name to see its passages, or a line '
        "to see what proves it.</div>"
    )
    whole = bool(st.session_state.get("graph_nodes_whole"))
    ordered = sorted(nodes, key=lambda node: (-node.weight, node.name))
    named = [node for node in ordered if node.what != "document"]
    sheets = [node for node in ordered if node.what == "document"]
    with st.container(gap=None, key="list_nodes"):
        for node in named if whole else named[:_NODES]:
            with st.container(key=f"rows_node_{node.id}"):
                node_button(node.id, node.name, node.kind)
    if not whole and len(named) > _NODES:
        graph_entity.more_button(len(named) - _NODES, "graph_nodes_whole")
    with st.container(gap=None, key="list_sheets"):
        for node in sheets:
            graph_entity.document_row(node.id, node.name, "")
