"""Settings: every option, API keys, about."""

from __future__ import annotations

import streamlit as st

from cortex_engine.config import LoadedConfig
from cortex_ui import safe, session, settings_about, settings_form, settings_keys
from cortex_ui import settings_values as values
from cortex_ui.session import suite, told

_ALL = "All"


def _draw() -> None:
    st.title("Settings")
    with told(), st.container(width=980):
        loaded = values.current()
        _not_yet(loaded)
        settings, keys, about = st.tabs(["Settings", "API keys", "About"], key="settings_tab", on_change="rerun")
        if settings.open:
            with settings:
                _settings(loaded)
        if keys.open:
            with keys, told():
                settings_keys.draw()
        if about.open:
            with about:
                settings_about.draw(loaded)


def _settings(loaded: LoadedConfig) -> None:
    states = loaded.states()
    wanted = st.text_input(
        "Find a setting",
        type="search",
        live="300ms",
        placeholder="Find a setting by name, purpose or variable",
        label_visibility="collapsed",
        key="settings_search",
        width=420,
    )
    groups = [_ALL, *dict.fromkeys(state.group for state in states)]
    linked = st.query_params.get("group", _ALL)  # a page that speaks of settings links to them
    group = st.pills(
        "Group",
        groups,
        default=linked if linked in groups else _ALL,
        required=True,
        label_visibility="collapsed",
        key="settings_group",
    )
    words = (wanted or "").casefold().split()
    found = [state for state in states if group in {_ALL, None, state.group} and settings_form.meets(state, words)]
    if not found:
        st.markdown("No setting has these words.")
    settings_form.draw(found)
    safe.show(f'<div class="cx-quiet">Changes are written at once to {safe.escape(str(loaded.file))}.</div>')


def _not_yet(loaded: LoadedConfig) -> None:
    """Saved, but not in use: what it takes, and a button where that is safe."""
    pending = values.pending(loaded)
    later = [key for key in pending if key in values.NEED_RESTART]
    now = [key for key in pending if key not in values.NEED_RESTART]
    if now:
        busy = suite().queue_progress().busy
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="settings_pending"):
            names = ", ".join(values.title(key) for key in now)
            text = f"Saved, and used when the library is opened again: {names}."
            if busy:
                text += " Files are being added; that has to end, or be paused, first."
            safe.show(f'<span class="cx-grow">{safe.escape(text)}</span>')
            st.button("Use them now", type="primary", disabled=busy, on_click=_reopen, key="settings_apply")
    if later:
        names = ", ".join(values.title(key) for key in later)
        st.info(
            f"Saved, and used when the program is started again: {safe.label(names)}.", icon=":material/restart_alt:"
        )


def _reopen() -> None:
    with told():
        session.reopen()
        st.toast("The library was opened again; the settings hold now.", icon=":material/check_circle:")


_draw()
