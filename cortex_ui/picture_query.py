"""A picture as the query: chosen, dropped on its button, or pasted on the page; shown as a chip that can be taken off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from cortex_engine.core.collections import Collection
from cortex_engine.core.errors import CortexError
from cortex_ui import safe, search_state
from cortex_ui.asked import Asked
from cortex_ui.session import suite

_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]
_LARGEST = 20
"""Megabytes."""

_ROUND, _TROUBLE = "picture_round", "picture_trouble"


def sees(collections: Sequence[Collection], asked: Asked) -> bool:
    """Whether one of the collections asked holds pictures that can be compared."""
    return any(each.spec.sees for each in collections if not asked.collections or each.name in asked.collections)


def control() -> None:
    """The button that takes a picture. It is a fresh one after each picture, so that the same file can be given again."""
    key = f"picture_file_{st.session_state.setdefault(_ROUND, 0)}"
    with st.container(width="content", key="picture_file"):
        st.file_uploader(
            "Search by a picture",
            type=_TYPES,
            max_upload_size=_LARGEST,
            label_visibility="collapsed",
            on_change=_take,
            args=(key,),
            key=key,
        )


def _take(key: str) -> None:
    """Keep the picture, and ask for it."""
    given = st.session_state.get(key)
    if given is None:
        return
    st.session_state[_ROUND] += 1
    try:
        search_state.put(search_state.by_picture(suite().keep_picture(given.getvalue(), given.name)))
    except CortexError as error:
        st.session_state[_TROUBLE] = str(error)


def drop() -> None:
    """Ask without the picture (an `on_click` callback)."""
    search_state.put(replace(search_state.gathered(), picture=""))


def chip(asked: Asked) -> bool:
    """The picture that is asked for, and the way to take it off; what went wrong with one that was given.

    Returns whether it can be searched for.
    """
    trouble = st.session_state.pop(_TROUBLE, "")
    if trouble:
        st.error(safe.label(trouble), icon=":material/broken_image:")
    if not asked.picture:
        return False
    with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content", key="picture_chip"):
        picture = None
        try:
            picture = suite().query_picture(asked.picture)
        except CortexError as error:
            st.warning(safe.label(str(error)), icon=":material/hide_image:")
        if picture is not None:
            st.image(picture.data, width=56, alt="The picture that is searched for")
            with_words = " and for the words" if asked.text.strip() else ""
            safe.show(f'<div class="cx-quiet">Searching for what looks like this picture{with_words}.</div>')
        st.button(
            "Remove",
            icon=":material/close:",
            type="tertiary",
            help="Search without this picture",
            on_click=drop,
            key="picture_drop",
        )
    return picture is not None


def blind(collections: Sequence[Collection], asked: Asked) -> str:
    """Why no picture can be compared in the collections asked, and what to do; "" where one can, or none is asked for."""
    if not asked.picture or sees(collections, asked):
        return ""
    seeing = [each.name for each in collections if each.spec.sees]
    if seeing:
        others = " or ".join(seeing[:3])
        return f"The chosen collections hold no pictures to compare with. Choose {others} as well, or all collections."
    models = ", ".join(dict.fromkeys(each.spec.model for each in collections))
    return (
        f"No collection of this library can be searched by a picture: {models} reads text only. Make a collection with "
        "Qwen3-VL (Settings › Qwen3-VL), or move one to it in Maintenance › Inspector."
    )
