"""Maintenance: the vectors, the jobs, the accounts, the health, the storage and the log of the library."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cortex_ui import (
    drawer,
    maintenance_health,
    maintenance_inspector,
    maintenance_ledger,
    maintenance_logs,
    maintenance_storage,
    maintenance_style,
    queue,
)
from cortex_ui.session import told

_TABS: dict[str, Callable[[], None]] = {
    "Database Embedding Inspector": maintenance_inspector.draw,
    "Jobs": queue.draw,
    "Ledger": maintenance_ledger.draw,
    "Health": maintenance_health.draw,
    "Storage": maintenance_storage.draw,
    "Logs": maintenance_logs.draw,
}


def _draw() -> None:
    maintenance_style.apply()
    st.title("Maintenance")
    tabs = st.tabs(list(_TABS), key="tab", on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, _TABS.values(), strict=True):
        if tab.open:
            with tab, told():
                draw()
    drawer.show_opened()


_draw()
