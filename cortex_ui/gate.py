"""Who may see the pages: anybody on this machine; from outside only who signs in."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import Scope
from cortex_engine.core.network import is_loopback
from cortex_ui import session

_SIGNED_IN = "signed_in_with_key"


def sign_in_service() -> bool:
    """Whether OpenID Connect is configured (`[auth]` in Streamlit's secrets)."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def require_sign_in() -> None:
    """Stop here until the person may go on."""
    if is_loopback(str(st.get_option("server.address") or "")):
        return
    if sign_in_service():
        if not st.user.is_logged_in:
            _welcome()
            st.button("Sign in", type="primary", on_click=st.login, key="sign_in")
            st.stop()
        return
    if not st.session_state.get(_SIGNED_IN):
        _ask_for_key()
        st.stop()


def _welcome() -> None:
    st.title("Cortex Suite")
    st.markdown("This library can be reached from outside of its computer, so it asks who you are.")


def _ask_for_key() -> None:
    with st.container(width=560):
        _welcome()
        with st.form("sign_in_form"):
            text = st.text_input("Key", type="password", key="sign_in_key", autocomplete="current-password")
            sent = st.form_submit_button("Sign in", type="primary")
        if sent:
            key = session.suite().check_key(text)
            if key is None or Scope.ADMIN not in key.scopes:
                st.error("This key does not open the pages. Ask the person who runs this library for one.")
            else:
                st.session_state[_SIGNED_IN] = key.id
                st.rerun()
