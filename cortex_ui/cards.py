"""Pictures of documents as pages show them: the thumbnail, or a tile with the kind of file."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_ui import safe, wording
from cortex_ui.session import suite


def thumbnail(document_id: str, name: str, media_type: str, page: int = 1, width: int | str = "stretch") -> None:
    """The picture of a page; where the format has no pages to draw, or the picture cannot be made, a tile."""
    try:
        picture = suite().thumbnail(document_id, page)
    except CortexError:
        picture = None  # the drawer tells why; a list of results must not be covered with errors
    if picture is None:
        tile(document_id, media_type)
    else:
        st.image(picture.data, width=width, alt=safe.one_line(f"Page {page} of {name}"))  # type: ignore[arg-type]


def tile(document_id: str, media_type: str) -> None:
    """A small sheet with the first lines of the document, and the kind of file."""
    try:
        beginning = suite().preview(document_id)
    except CortexError:
        beginning = ""  # deleted since the list was made
    safe.show(
        f'<div class="cx-tile" aria-hidden="true"><div class="cx-lines">{safe.escape(beginning)}</div>'
        f'<div class="cx-kind">{safe.escape(wording.kind(media_type))}</div></div>'
    )
