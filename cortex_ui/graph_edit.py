"""What people change in the graph: names that are one and the same, names that are noise; each can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_engine.core.graph import GraphEntity
from cortex_ui import graph_state as state
from cortex_ui import graph_words as words
from cortex_ui import safe, wording
from cortex_ui.session import suite, told

_ACTIONS = {"merge": "Merge with another name", "hide": "Hide as noise"}
_DIALOG, _DONE = "graph_dialog", "graph_done"
_CANDIDATES, _LISTED = 8, 100
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Done:
    """The last change, for the line that offers to take it back."""

    sentence: str
    entity_id: str
    merged: bool
    undo: str = "Undo"


def menu(entity: GraphEntity) -> None:
    """What can be done to an entity by hand."""
    key = "graph_change"
    st.menu_button(
        "Change",
        list(_ACTIONS),
        icon=":material/edit:",
        type="tertiary",
        format_func=_ACTIONS.__getitem__,
        on_click=partial(_chosen, key, entity.id),
        key=key,
    )


def _chosen(key: str, entity_id: str) -> None:
    if action := st.session_state.get(key):
        _open(action, entity_id)


def edits_button(hidden: int, merged: int) -> None:
    """The way to the list of what was changed; nothing, where nothing was."""
    if hidden or merged:
        label = f"Your changes ({hidden + merged:,})"
        st.button(label, icon=":material/rule:", type="tertiary", on_click=_open, args=("edits", ""), key="graph_edits")


def _open(kind: str, entity_id: str) -> None:
    st.session_state[_DIALOG] = (kind, entity_id)
    for key in ("graph_merge_find", "graph_merge_with", "graph_merge_keeps"):
        st.session_state.pop(key, None)


def close() -> None:
    """Show no dialog."""
    st.session_state.pop(_DIALOG, None)


def show_dialog() -> bool:
    """Draw the dialog that was asked for; whether one was."""
    kind, entity_id = st.session_state.get(_DIALOG, ("", ""))
    dialogs = {
        "merge": ("Merge two names", "merge", _merge),
        "hide": ("Hide a name", "visibility_off", _hide),
        "edits": ("Your changes", "rule", _edits),
    }
    if kind not in dialogs:
        return False
    title, icon, body = dialogs[kind]

    def inside() -> None:
        with told():
            body(entity_id)

    st.dialog(title, width=560, icon=f":material/{icon}:", on_dismiss=close)(inside)()
    return True


# -- the last change -------------------------------------------------------------------------------------------------


def _done(done: _Done) -> None:
    close()
    st.session_state[_DONE] = done
    st.rerun()


def say_what_was_done() -> None:
    """The last change, with the way back."""
    done: _Done | None = st.session_state.get(_DONE)
    if done is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key="graph_done_line"):
        with st.container(width="stretch"):
            safe.show(f'<div role="status">{safe.escape(done.sentence)}</div>')
        st.button(
            safe.label(done.undo),
            icon=":material/undo:",
            type="tertiary",
            on_click=_undo,
            args=(done,),
            key="graph_undo",
        )
        st.button(":material/close:", type="tertiary", help="Close", on_click=_forget, key="graph_done_close")


def _forget() -> None:
    st.session_state.pop(_DONE, None)


def _undo(done: _Done) -> None:
    """Take the last change back; an error is told at the top of the page."""
    if _taken_back(done.entity_id, done.merged):
        _forget()
        state.go_to_entity(done.entity_id)


def _taken_back(entity_id: str, merged: bool) -> bool:
    try:
        if merged:
            suite().split_entity(entity_id)
        else:
            suite().hide_entity(entity_id, hidden=False)
    except CortexError as error:
        st.toast(safe.label(str(error)), icon=":material/error:")
        return False
    st.toast("The names stand apart again." if merged else "It is shown again.", icon=":material/undo:")
    return True


def _take_back(entity_id: str, merged: bool) -> None:
    """The same from the list; the line about the last change may mean this one, so it goes."""
    if _taken_back(entity_id, merged):
        _forget()


def show_again_button(entity_id: str) -> None:
    """Take the hiding of a name back."""
    st.button(
        "Show it again",
        icon=":material/visibility:",
        on_click=_take_back,
        args=(entity_id, False),
        key="graph_show_again",
    )


# -- merging ---------------------------------------------------------------------------------------------------------


def _merge(entity_id: str) -> None:
    """Choose the other name and which of the two stays."""
    entity = suite().entity(entity_id)
    safe.show(
        f"<p><strong>{safe.escape(words.short(entity.name))}</strong>, {safe.escape(words.facts(entity))}, is the same as</p>"
    )
    text = st.text_input(
        "Find the other name",
        type="search",
        live="300ms",
        placeholder="Find the other name",
        label_visibility="collapsed",
        key="graph_merge_find",
    )
    found = {each.id: each for each in _candidates(entity, (text or "").strip()[:_LONGEST])}
    if not found:
        st.markdown("No other name has these letters.")
        return
    other = found.get(
        st.radio(
            "Names",
            list(found),
            index=None,
            format_func=lambda each: _described(found[each]),
            label_visibility="collapsed",
            key="graph_merge_with",
        )
        or ""
    )
    if other is None:
        st.button("Merge", type="primary", disabled=True, key="graph_merge_wait")
        return
    _confirm_merge(entity, other)


def _described(entity: GraphEntity) -> str:
    return f"{safe.label(words.short(entity.name))}  :gray[{safe.label(words.facts(entity))}]"


def _candidates(entity: GraphEntity, text: str) -> list[GraphEntity]:
    """What was typed; before that, names that share a word with it, the longest word first."""
    asked = [text] if text else sorted(entity.name.split()[:8], key=len, reverse=True)
    found: dict[str, GraphEntity] = {}
    for part in asked:
        if len(part) > 1:
            found |= {each.id: each for each in suite().find_entities(part[:_LONGEST], limit=_CANDIDATES + 1)}
    if not text and len(found) <= 1:
        found |= {each.id: each for each in suite().find_entities(limit=_CANDIDATES + 1)}
    return [each for each in found.values() if each.id != entity.id][:_CANDIDATES]


def _confirm_merge(entity: GraphEntity, other: GraphEntity) -> None:
    by_mentions = sorted((entity, other), key=lambda each: (-len(each.name.split()), -each.mentions))
    both = {each.id: each for each in by_mentions}
    keeps = st.radio(
        "Which name stays?",
        list(both),
        format_func=lambda each: safe.label(words.short(both[each].name)),
        horizontal=True,
        key="graph_merge_keeps",
    )
    target = both.get(keeps, by_mentions[0])
    source = next(each for each in by_mentions if each.id != target.id)
    safe.show(
        f'<p class="cx-quiet">Wherever a text says “{safe.escape(words.short(source.name))}”, the graph will mean '
        f"“{safe.escape(words.short(target.name))}”. No document changes; it holds for documents that are added later, and "
        "can be taken back.</p>"
    )
    if st.button("Merge", type="primary", icon=":material/merge:", key="graph_merge_send"):
        before = any(each.id in {source.id, target.id} for each in suite().merged_entities())
        suite().merge_entities(source.id, target.id)
        state.go_to_entity(target.id)
        sentence = f"“{words.short(source.name)}” is part of “{words.short(target.name)}” now."
        _done(_Done(sentence, target.id, True, "Undo all its merges" if before else "Undo"))


# -- hiding ----------------------------------------------------------------------------------------------------------


def _hide(entity_id: str) -> None:
    entity = suite().entity(entity_id)
    safe.show(
        f"<p><strong>{safe.escape(words.short(entity.name))}</strong>, {safe.escape(words.facts(entity))}, will be shown in no "
        'picture and lead no search. </p><p class="cx-quiet">No document changes; it stays hidden when documents are read '
        "anew, and can be shown again.</p>"
    )
    if st.button("Hide it", type="primary", icon=":material/visibility_off:", key="graph_hide_send"):
        suite().hide_entity(entity.id)
        if st.query_params.get("entity") == entity.id:
            state.go(state.Centre())
        state.look_away()
        _done(_Done(f"“{words.short(entity.name)}” is hidden.", entity.id, False))


# -- the list --------------------------------------------------------------------------------------------------------


def _edits(_: str) -> None:
    """Everything that was hidden or merged, each with its way back."""
    hidden = suite().find_entities(limit=_LISTED, hidden=True)
    merged = suite().merged_entities()
    if not (hidden or merged):
        st.markdown("Nothing is hidden or merged.")
    if hidden:
        st.markdown("**Hidden**")
    for entity in hidden:
        _edit_row(entity, words.facts(entity), "Show again", False)
    if merged:
        st.markdown("**Merged**")
    for entity in merged[:_LISTED]:
        others = ", ".join(words.short(alias, 40) for alias in entity.aliases[:6])
        _edit_row(entity, f"with {others}" if others else wording.count(entity.mentions, "mention"), "Take apart", True)
    if max(len(hidden), len(merged)) >= _LISTED:
        st.markdown(
            f":gray[At most {_LISTED} of each are listed; `cortex graph entities --hidden` and `--merged` have all.]"
        )


def _edit_row(entity: GraphEntity, remark: str, action: str, merged: bool) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key=f"rows_edit_{entity.id}"
    ):
        with st.container(width="content"):
            safe.show(
                f'<div class="cx-name">{safe.escape(words.short(entity.name))}</div>'
                f'<div class="cx-quiet">{safe.escape(remark)}</div>'
            )
        st.button(
            action,
            icon=":material/undo:",
            type="tertiary",
            on_click=_take_back,
            args=(entity.id, merged),
            key=f"undo_{int(merged)}_{entity.id}",
        )
