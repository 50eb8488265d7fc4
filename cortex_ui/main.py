"""The entry script: navigation, theme, the state of models and queue in the sidebar, then the page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_ui import gate, home, safe, session, status, style

_STATIC = Path(__file__).parent / "static"
_PAGES = Path(__file__).parents[1] / "pages"


def _pages() -> dict[str, list[st.Page]]:
    def page(file: str, title: str, icon: str, text: str) -> st.Page:
        return st.Page(_PAGES / file, title=title, icon=f":material/{icon}:", help=text)

    return {
        "": [st.Page(home.draw, title="Home", icon=":material/home:", default=True)],
        "Find": [
            page("3_Knowledge_Search.py", "Knowledge Search", "search", "Find passages by meaning, by word, or both."),
            page(
                "Ask.py", "Ask", "forum", "Ask a question; every sentence of the answer names the page that proves it."
            ),
            page(
                "Knowledge_Graph.py",
                "Knowledge Graph",
                "hub",
                "Names in the documents, what connects them, and the sentences that prove it.",
            ),
        ],
        "Library": [
            page(
                "2_Knowledge_Ingest.py", "Knowledge Ingest", "note_add", "Add files and folders, and watch them arrive."
            ),
            page(
                "5_Collection_Management.py",
                "Collection Management",
                "folder_open",
                "Order documents into collections; rename, merge, tag, delete.",
            ),
        ],
        "System": [
            page("Maintenance.py", "Maintenance", "build", "Vectors, jobs, accounts, health, storage and logs."),
            page(
                "Settings.py", "Settings", "settings", "Every setting, where it comes from, and what changing it costs."
            ),
        ],
    }


def main() -> None:
    """Draw the frame, then the page."""
    st.set_page_config(page_title="Cortex Suite", page_icon=str(_STATIC / "mark.svg"), layout="wide")
    style.apply()
    st.logo(str(_STATIC / "logo.svg"), icon_image=str(_STATIC / "mark.svg"), size="large")
    try:
        session.suite()
    except CortexError as error:
        st.title("The library cannot be opened")
        st.error(safe.label(str(error)), icon=":material/error:")
        st.stop()
    gate.require_sign_in()
    page = st.navigation(_pages())
    status.sidebar()
    page.run()


main()
