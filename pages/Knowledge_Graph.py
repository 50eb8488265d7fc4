"""Knowledge Graph: the names in the documents, what connects them, and the sentences that prove it."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.graph import GraphStats, Neighbourhood
from cortex_ui import (
    drawer,
    graph_chart,
    graph_edit,
    graph_empty,
    graph_entity,
    graph_panel,
    graph_search,
    graph_style,
    graph_table,
    safe,
    wording,
)
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words
from cortex_ui.session import suite, told

_VIEWS = ("Graph", "Table")
_FORMATS = {
    "graphml": ("GraphML, for Gephi, yEd, Cytoscape", "application/xml", ":material/hub:"),
    "json": ("JSON, with names and proofs", "application/json", ":material/data_object:"),
}


def main() -> None:
    """The page."""
    st.title("Knowledge Graph")
    graph_style.apply()
    with told():
        if not suite().config.graph_enabled:
            graph_empty.switched_off()
        elif not suite().counts().documents:
            graph_empty.library()
        else:
            _graph(suite().graph_stats())
    if not graph_edit.show_dialog():
        drawer.show_opened()


def _graph(stats: GraphStats) -> None:
    if not stats.entities and not stats.hidden:
        graph_empty.nothing_yet(stats)
        return
    wanted, steps, seen = state.centre(), state.depth(), state.seen()
    graph_edit.say_what_was_done()
    for remark in state.remarks():
        st.info(safe.label(remark), icon=":material/link_off:")
    graph_search.box()
    about = _about(wanted)
    _controls(wanted, about, stats)
    with told():
        found = state.picture(wanted, steps, stats)
        if found.nodes or stats.behind:
            _picture(wanted, seen, found, about)
        else:
            graph_empty.picture(wanted)
            if wanted.entity:
                with st.container(width=760, key="graph_panel"):
                    graph_panel.draw(wanted, seen, found)
    graph_search.standing(stats)


def _picture(wanted: state.Centre, seen: state.Seen, found: Neighbourhood, about: str) -> None:
    groups = _group_names(found)
    with st.container(key="graph_row"):
        wide, narrow = st.columns([2.1, 1], gap="medium")
    with wide:
        if not found.nodes:
            st.skeleton(height=graph_chart.PIXELS_HIGH)  # the first picture after a start, or of what was just added
        elif st.session_state.get("graph_view") == "Table":
            graph_table.draw(found, groups)
        else:
            with st.container(border=True, gap="xsmall", key="graph_frame"):
                graph_chart.draw(found, seen, wanted.one, about, groups)
    with narrow, st.container(gap="small", key="graph_panel"):
        if wanted.empty and not seen.first:
            graph_search.start()
        else:
            graph_panel.draw(wanted, seen, found)


def _group_names(found: Neighbourhood) -> dict[str, str]:
    """Group -> what people call it: documents by their names, communities by theirs."""
    groups = list(dict.fromkeys(node.group for node in found.nodes if node.group))
    known = graph_entity.documents(groups)
    return {group: known[group].name if group in known else group for group in groups}


# -- what the picture is about, and what can be done with it ---------------------------------------------------------


def _about(wanted: state.Centre) -> str:
    """What the picture is drawn around, in words."""
    if wanted.entity:
        return suite().entity(wanted.entity).name
    if wanted.documents:
        return _documents_named(wanted.documents)
    if wanted.passage:
        passage = suite().passage(wanted.passage)
        return f"A passage of {passage.document}, page {passage.chunk.page}"
    return f"The search “{wanted.query}”" if wanted.query else "The most mentioned names"


def _documents_named(ids: tuple[str, ...]) -> str:
    if len(ids) == 1:
        return graph_entity.documents(ids)[ids[0]].name
    group = next((each.name for each in suite().communities() if set(each.document_ids) == set(ids)), "")
    return group or wording.count(len(ids), "document")


def _controls(wanted: state.Centre, about: str, stats: GraphStats) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="graph_controls"):
        with st.container(width="stretch", key="graph_about"):
            safe.show(f'<div class="cx-name">{safe.escape(words.short(about, 90))}</div>')
        if not wanted.empty:
            st.button(
                "All names",
                icon=":material/arrow_back:",
                type="tertiary",
                on_click=state.go,
                args=(state.Centre(),),
                key="graph_start",
            )
            _depth()
        st.segmented_control(
            "Show as",
            list(_VIEWS),
            default=_VIEWS[0],
            required=True,
            label_visibility="collapsed",
            key="graph_view",
            persist_state="session",
        )
        with st.popover("Export", icon=":material/download:", type="tertiary", key="graph_export"):
            _export()
        graph_edit.edits_button(stats.hidden, stats.merged)


def _depth() -> None:
    st.session_state["graph_depth"] = state.depth()
    st.segmented_control(
        "Steps from the centre",
        list(state.DEPTHS),
        format_func=lambda steps: wording.count(steps, "step"),
        required=True,
        label_visibility="collapsed",
        on_change=state.set_depth,
        args=("graph_depth",),
        key="graph_depth",
    )


def _export() -> None:
    """The whole graph as a file; it is made when it is asked for."""
    names = [collection.name for collection in suite().collections()]
    chosen = st.multiselect(
        "Collections", names, format_func=safe.one_line, placeholder="All collections", key="graph_export_in"
    )
    for suffix, (title, mime, icon) in _FORMATS.items():
        st.download_button(
            title,
            data=lambda suffix=suffix: suite().export_graph(suffix, tuple(chosen)),  # type: ignore[misc]
            file_name=f"knowledge-graph.{suffix}",
            mime=mime,
            icon=icon,
            type="tertiary",
            on_click="ignore",
            key=f"graph_export_{suffix}",
        )


main()
