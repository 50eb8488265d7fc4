"""Keys of the HTTP API: make, list, revoke."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import ApiKey, Scope
from cortex_ui import safe, wording
from cortex_ui.session import suite, told

_NEW, _REVOKE = "new_api_key", "revoke_api_key"
_SCOPES = {
    Scope.READ: "**Read**: search, read documents, pages and jobs",
    Scope.WRITE: "**Write**: add, tag and delete documents",
    Scope.ADMIN: "**Admin**: collections, maintenance, metrics; signing in to these pages from outside",
}


def draw() -> None:
    """The section."""
    keys = suite().keys()
    st.markdown(
        "Programs reach this library over HTTP at `/api/v1` (`/api/openapi.json` describes it). A key says who asks and what "
        "it may do."
    )
    if not keys:
        st.info(
            "There is no key yet: programs on this computer need none. From the first key on, every request needs one.",
            icon=":material/info:",
        )
    _fresh()
    _make()
    if keys:
        st.subheader("Keys")
        for key in keys:
            with st.container(border=True, key=f"api_key_{key.id}", gap="xsmall"):
                _row(key)
    if wanted := next((key for key in keys if key.id == st.session_state.get(_REVOKE)), None):
        st.dialog("Revoke a key", icon=":material/key_off:", on_dismiss=_keep)(_revoke)(wanted)


def _fresh() -> None:
    """The text of a key that was just made; it is shown until the person says that it is copied, and nowhere else."""
    if fresh := st.session_state.get(_NEW):
        with st.container(border=True, key="new_key_text"):
            st.markdown(f"**The key {safe.label(fresh[0])}** is shown this once. Copy it now; only its hash is kept.")
            st.code(fresh[1], language=None, wrap_lines=True)
            st.button("It is copied", icon=":material/check:", on_click=_copied, key="key_copied")


def _copied() -> None:
    st.session_state.pop(_NEW, None)


def _make() -> None:
    with st.form("make_key", clear_on_submit=False):
        name = st.text_input("Name of the new key", max_chars=200, placeholder="What uses it", key="key_name")
        st.markdown("What it may do")
        chosen = {scope: st.checkbox(text, scope is Scope.READ, key=f"key_{scope}") for scope, text in _SCOPES.items()}
        sent = st.form_submit_button("Make a key", type="primary", key="key_send")
    if sent:
        with told():
            made, text = suite().create_key(name, [scope for scope, wanted in chosen.items() if wanted])
            st.session_state[_NEW] = (made.name, text)
            st.rerun()


def _row(key: ApiKey) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                safe.show(f'<span class="cx-name">{safe.escape(key.name)}</span>')
                for scope in key.scopes:
                    st.badge(scope.value, color="blue")
                if key.revoked:
                    st.badge("revoked", color="red")
            safe.show(f'<div class="cx-quiet">{safe.escape(_times(key))}</div>')
        if not key.revoked:
            st.button(
                "Revoke",
                type="tertiary",
                icon=":material/key_off:",
                on_click=_ask,
                args=(key.id,),
                key=f"revoke_{key.id}",
            )


def _times(key: ApiKey) -> str:
    used = f"last used {wording.when(key.last_used)}" if key.last_used else "never used"
    ended = f" · revoked {wording.when(key.revoked)}" if key.revoked else ""
    return f"Made {wording.when(key.created)} · {used}{ended}"


def _ask(key_id: str) -> None:
    st.session_state[_REVOKE] = key_id


def _keep() -> None:
    st.session_state.pop(_REVOKE, None)


def _revoke(key: ApiKey) -> None:
    safe.show(
        f"<p>Programs that use the key <strong>{safe.escape(key.name)}</strong> are refused from now on. "
        "It cannot be undone; a new key can be made.</p>"
    )
    if st.button("Revoke it", type="primary", key="revoke_send"):
        with told():
            suite().revoke_key(key.id)
            _keep()
            st.toast(f"The key {safe.label(key.name)} is revoked.", icon=":material/check_circle:")
            st.rerun()
