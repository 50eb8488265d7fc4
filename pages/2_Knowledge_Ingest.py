"""Knowledge Ingest: add files and folders, and watch them arrive."""

from __future__ import annotations

import streamlit as st

from cortex_ui import drawer, ingest_form, model_notes, queue

st.title("Knowledge Ingest")
form, beside = st.columns([3, 2], gap="medium")
with form, st.container(key="ingest_form"):
    ingest_form.draw()
with beside:
    ingest_form.explanation()
queue.draw()
model_notes.sidebar()
drawer.show_opened()
