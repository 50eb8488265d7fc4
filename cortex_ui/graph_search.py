"""Finding a name in the graph, what is mentioned most, groups of related documents, and how far the reading is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.graph import Community, GraphEntity, GraphStats
from cortex_ui import graph_entity, safe, wording
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words
from cortex_ui.session import suite

FIND = "graph_find"
_SUGGESTED, _MOST, _COMMUNITIES, _NAMED = 12, 14, 8, 3
_LONGEST = 200
_FOLLOW_SECONDS = 2.0


def box() -> None:
    """The search box; what is typed is suggested at once."""
    if state.clears_the_box():
        st.session_state[FIND] = ""
    text = st.text_input(
        "Find a name",
        type="search",
        live="300ms",
        placeholder="Find a name: a person, a company, a place, an abbreviation",
        label_visibility="collapsed",
        icon=":material/search:",
        key=FIND,
    )
    wanted = (text or "").strip()[:_LONGEST]
    if not wanted:
        return
    found = suite().find_entities(wanted, limit=_SUGGESTED)
    if found:
        pills(found, "found_names")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="graph_no_name"):
        safe.show(f'<div role="status">No name has “{safe.escape(words.short(wanted))}” in it.</div>')
        st.button(
            "Draw what a search for it finds",
            icon=":material/search:",
            type="tertiary",
            on_click=state.go,
            args=(state.Centre(query=wanted),),
            key="graph_search_it",
        )


def pills(entities: Sequence[GraphEntity], key: str) -> None:
    """Names to choose from, with how often they are mentioned."""
    with st.container(horizontal=True, gap="xsmall", key=key):
        for entity in entities:
            st.button(
                f"{safe.label(words.short(entity.name, 40))} :gray[{wording.number(entity.mentions)}]",
                on_click=state.go_to_entity,
                args=(entity.id,),
                key=f"{key}_{entity.id}",
            )


def start() -> None:
    """Beside the first picture: what is mentioned most, and groups of documents."""
    st.markdown("**Most mentioned**")
    pills(suite().find_entities(limit=_MOST), "found_most")
    groups = [each for each in suite().communities() if len(each.document_ids) > 1]
    if not groups:
        return
    st.markdown("**Documents that belong together**")
    known = graph_entity.documents([each for group in groups[:_COMMUNITIES] for each in group.document_ids])
    for place, group in enumerate(groups[:_COMMUNITIES]):
        _community(group, [known[each].name for each in group.document_ids if each in known], place)


def _community(group: Community, names: Sequence[str], place: int) -> None:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    listed = ", ".join(words.short(name, 36) for name in names[:_NAMED])
    with st.container(gap=None, key=f"rows_community_{place}"):
        st.button(
            safe.label(words.short(group.name, 70)),
            icon=":material/hub:",
            type="tertiary",
            on_click=state.go_to_documents,
            args=group.document_ids,
            key=f"community_{place}",
        )
        safe.show(f'<div class="cx-quiet">{safe.escape(listed + more)}</div>')


# -- how far the reading is, and by what -----------------------------------------------------------------------------


def standing(stats: GraphStats) -> None:
    """Sizes, what found the names, and how many documents wait; followed only while something changes."""
    sizes = [
        wording.count(stats.entities, "name"),
        wording.count(stats.relations, "connection"),
        wording.count(stats.documents, "document"),
    ]
    safe.show(f'<div class="cx-quiet">{" · ".join(sizes)}. {safe.escape(extractor(stats))}</div>')
    failures(stats)
    if stats.waiting or stats.behind:
        follow(stats)


def failures(stats: GraphStats) -> None:
    """That documents could not be read, and why the newest of them could not."""
    if stats.failed:
        why = f"{wording.count(stats.failed, 'document')} could not be read for names. The newest: {stats.failure}"
        again = "The command “cortex graph extract” tries again."
        st.warning(f"{safe.label(words.short(why, 400))} {again}", icon=":material/warning:")


def extractor(stats: GraphStats) -> str:
    """What finds the names, and why it is this one."""
    if stats.extractor_note:
        return words.short(stats.extractor_note, 300)
    return f"Names are found by {words.short(stats.extractor, 80)}." if stats.extractor else ""


def follow(stats: GraphStats) -> None:
    """What is under way; the page is drawn anew when there is more to see, and when nothing is under way any more."""
    st.fragment(_follow, run_every=_FOLLOW_SECONDS)(stats)


def _follow(before: GraphStats) -> None:
    now = suite().graph_stats()
    halved = now.waiting <= before.waiting // 2 and now.waiting < before.waiting
    if halved or (before.behind and not now.behind) or (now.entities and not before.entities):
        st.rerun()
    with st.container(key="graph_waiting"):
        if now.waiting:
            st.markdown(
                f":material/hourglass_top: {wording.count(now.waiting, 'document')} still to be read for names."
            )
        elif now.behind or before.behind:
            st.markdown(":material/hourglass_top: The picture is being drawn anew.")
