"""The models beside the ingest page: Qwen3-VL with its switch, its state, its cost and its setup, then all the others."""

from __future__ import annotations

import time

import streamlit as st

from cortex_engine.core.app import ModelState, ModelStatus
from cortex_ui import model_choice, model_words, safe, session
from cortex_ui import settings_values as values
from cortex_ui.session import suite, told

_MODE, _SETTING, _ASKED = "qwen3_vl_mode", "qwen3_vl_enabled", "models_asked"
_BUSY_SECONDS, _IDLE_SECONDS = 1.0, 6.0
_PATIENCE = 6.0
"""So long after a click on Load the state is looked at again and again; loading begins a moment later."""

_OTHERS = """
**Another embedding model.** Put a sentence-transformers model on this computer, then name its folder in
Settings › Embedding (`embedding_backend` = `sentence_transformer`, `embedding_model` = the folder). New collections use it;
existing ones keep theirs until they are moved: Maintenance › Database Embedding Inspector.
"""


def sidebar() -> None:
    """Draw it below the global status; it follows by itself while a model loads."""
    with st.sidebar, told(), st.container(key="qwen3_vl", gap="small"):
        safe.show('<div class="cx-side">Qwen3-VL</div>')
        _mode()
        moving = _moving()
        st.fragment(_follow, run_every=_BUSY_SECONDS if moving else _IDLE_SECONDS)(moving)
        _cost()
        _setup()
        _all()


# -- the switch ------------------------------------------------------------------------------------------------------


def _mode() -> None:
    loaded = values.current()
    state = next(each for each in loaded.states() if each.key == _SETTING)
    fixed = values.read_only(state)
    st.session_state[_MODE] = bool(state.value)
    st.toggle(
        "For new collections",
        key=_MODE,
        disabled=fixed,
        on_change=_switch,
        help="New collections then hold text and pictures in one space: words find pictures and pages by their look. "
        "Existing collections keep their model.",
    )
    if fixed:
        safe.show(f'<div class="cx-quiet">The variable {safe.escape(state.env)} decides; change it there.</div>')
    if wrong := values.error(_SETTING):
        st.markdown(f":red[:material/error: Not saved. {safe.label(wrong)}]")
    elif _SETTING in values.pending(loaded):
        safe.show('<div class="cx-quiet">Saved; it holds as soon as the library is opened again.</div>')
        busy = suite().queue_progress().busy
        st.button(
            "Use it now",
            disabled=busy,
            on_click=_use,
            key="qwen3_vl_use",
            help="Files are being added; that has to end, or be paused, first." if busy else None,
        )


def _switch() -> None:
    on = st.session_state[_MODE]
    with told():
        values.save(_SETTING, on)
        if not values.error(_SETTING) and not suite().queue_progress().busy:
            _use()


def _use() -> None:
    """Open the library again, so that the switch holds (an `on_click` callback too)."""
    with told():
        opened = session.reopen()
        st.session_state[_ASKED] = time.monotonic()  # its models are loaded now
        name = "Qwen3-VL" if opened.config.new_collection_backend == "qwen3_vl" else "another model than Qwen3-VL"
        st.toast(f"New collections use {name} from now on.", icon=":material/check_circle:")


# -- the state -------------------------------------------------------------------------------------------------------


def _moving() -> bool:
    asked = time.monotonic() - float(st.session_state.get(_ASKED, -_PATIENCE)) < _PATIENCE
    return asked or any(each.state is ModelState.LOADING for each in suite().model_statuses())


def _follow(moving: bool) -> None:
    with told():
        if _moving() != moving:
            st.rerun()
        statuses = suite().model_statuses()
        for model in _vision(statuses):
            _note(model)
        _buttons(statuses)


def _vision(statuses: list[ModelStatus]) -> list[ModelStatus]:
    """The models of Qwen3-VL; the reranker only where it is switched on."""
    return [
        each
        for each in statuses
        if each.role == "qwen3-vl embedding" or (each.role == "qwen3-vl reranker" and each.state is not ModelState.OFF)
    ]


def _buttons(statuses: list[ModelStatus]) -> None:
    states = {each.state for each in statuses}
    with st.container(horizontal=True, gap="xsmall", key="model_buttons"):
        if ModelState.IDLE in states:
            _button("Load", "memory", "load_models", "Load the models now, so that the first search does not wait.")
        if ModelState.HEALTHY in states:
            _button(
                "Unload all", "eject", "unload_models", "Give their memory back; each loads again with its next use."
            )
        if states & model_words.WRONG:
            _button("Check again", "refresh", "check_models", "Look again, after something was installed or copied.")


def _button(label: str, icon: str, key: str, tip: str) -> None:
    st.button(label, icon=f":material/{icon}:", key=key, type="tertiary", on_click=_act, args=(key,), help=tip)


def _act(key: str) -> None:
    with told():
        if key == "unload_models":
            suite().unload_models()
            return
        suite().load_models()
        st.session_state[_ASKED] = time.monotonic()


def _note(model: ModelStatus) -> None:
    with st.container(gap="xsmall", key=f"model_note_{model.role.replace(' ', '_')}_{model.model_id}"):
        if model.role != "qwen3-vl embedding":
            safe.show(f'<div class="cx-quiet">{safe.escape(model_words.part(model.role))}</div>')
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.markdown(f"**{safe.label(model.name)}**", width="content")
            model_words.draw_badge(model)
        facts = "".join(
            f"<div>{safe.escape(name)}: {safe.escape(value)}</div>" for name, value in model.facts.items() if value
        )
        reason = f"<div>{safe.escape(model.reason)}</div>" if model.reason else ""
        if reason or facts:
            safe.show(f'<div class="cx-quiet">{reason}{facts}</div>')


# -- what it costs, how it comes here, the others --------------------------------------------------------------------


def _cost() -> None:
    with st.expander("What it costs here", icon=":material/calculate:", key="qwen3_vl_cost", on_change="rerun") as box:
        if not box.open:
            return
        with told():
            if (found := model_choice.plan("side", "qwen3_vl")) is None:
                return
            safe.show(
                f'<div class="cx-name" title="{safe.escape(found.name)}">{safe.escape(model_choice.short(found.name))}</div>'
            )
            model_choice.draw(found)
            if found.seconds is None and not found.download_bytes:
                model_choice.measure("side", "qwen3_vl")


def _setup() -> None:
    status = next(each for each in suite().model_statuses() if each.role == "qwen3-vl embedding")
    if status.state in {ModelState.HEALTHY, ModelState.LOADING}:
        return
    with st.expander("How to set it up", icon=":material/build:", key="qwen3_vl_setup"):
        model_words.draw_setup(status)


def _all() -> None:
    others = [each for each in suite().model_statuses() if each not in _vision(suite().model_statuses())]
    with st.expander("Other models", icon=":material/info:", key="model_notes"):
        for model in others:
            _note(model)
        st.markdown(_OTHERS)
