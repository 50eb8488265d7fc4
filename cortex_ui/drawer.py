"""The source drawer: a page of a document beside the page that people work on, with the place marked.

What is open stands in the URL (`doc`, `page`, `hit`; `span` for a quote inside the passage), so that a link, a reload and
the browser's back button find it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cortex_engine.core.app import PageView, Span
from cortex_engine.core.documents import Document
from cortex_engine.core.errors import CortexError, NotFoundError
from cortex_engine.core.identifiers import picture_id
from cortex_engine.core.records import Passage
from cortex_engine.core.search import SearchHit
from cortex_ui import exporting, languages, safe, search_state, wording
from cortex_ui.session import suite, told

PARAMETERS = ("doc", "page", "hit", "span")
_QUERY = "drawer_query"
_VIEW = "drawer_view"
_WIDTH = 760
_DRAWN = 1280
"""Pixels of a page's picture: sharp on screens with two pixels to a point, small on the way."""

_LARGEST_PAGE = 1_000_000
_GRAPH = Path(__file__).parents[1] / "pages" / "Knowledge_Graph.py"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class _Wanted:
    document_id: str
    page: int
    chunk_id: str
    remark: str = ""


def open_document(document_id: str, page: int = 1, chunk_id: str = "", query: str = "", span: Span = (0, 0)) -> None:
    """Open the drawer on a page (an `on_click` callback).

    Args:
        query: whose words are marked.
        span: the characters of a quote, marked in place of the whole passage.
    """
    st.session_state[_QUERY] = query
    st.query_params["doc"] = document_id
    _go(page)
    for name, value in (("hit", chunk_id), ("span", f"{span[0]}-{span[1]}" if span[1] > span[0] else "")):
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)


def best_page(hit: SearchHit, query: str) -> int:
    """Of the pages that a passage stands on, the one with most of the query's words in it."""
    best, most = hit.page, -1
    for page in range(hit.page, hit.page_end + 1):
        try:
            view = suite().page_view(hit.document_id, page, hit.char_start, hit.char_end, query, _DRAWN)
        except CortexError:
            return hit.page  # the drawer says what is wrong
        words = sum(1 for start, end in view.terms if any(start < last and end > first for first, last in view.passage))
        if words > most:
            best, most = page, words
    return best


def close() -> None:
    """Forget what was open."""
    st.session_state.pop(_VIEW, None)
    for name in PARAMETERS:
        st.query_params.pop(name, None)


def show_opened() -> None:
    """Draw the drawer when the URL says that a document is open. Call it once, last on a page."""
    wanted = _wanted()
    if wanted is None:
        return
    try:
        document = suite().document(wanted.document_id)
    except NotFoundError:
        _drawer("Source")(_absent)(f"There is no document '{wanted.document_id[:80]}' in the library.")
        return
    except CortexError as error:
        _drawer("Source")(_absent)(str(error))
        return
    _drawer(document.name)(_inside)(document)


def _drawer(title: str):  # type: ignore[no-untyped-def]
    return st.dialog(
        safe.label(title) or "Source",
        width=_WIDTH,
        position="right",
        icon=":material/description:",
        on_dismiss=close,
    )


def _wanted() -> _Wanted | None:
    """What the URL asks for; a page number that makes no sense is told, and page 1 shown."""
    document_id = st.query_params.get("doc", "").strip()
    if not document_id:
        return None
    text = st.query_params.get("page", "1").strip()
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _LARGEST_PAGE:
        return _Wanted(document_id, int(text[:9]), st.query_params.get("hit", "").strip())
    return _Wanted(document_id, 1, st.query_params.get("hit", "").strip(), f"'{text[:40]}' is no page number.")


def _absent(sentence: str) -> None:
    st.warning(safe.label(sentence), icon=":material/search_off:")
    safe.show('<p class="cx-quiet">It may have been deleted or replaced, or the link is not complete.</p>')


def _inside(document: Document) -> None:
    """The drawer's body; a fragment: turning pages redraws nothing else."""
    wanted = _wanted()
    if wanted is None:
        return
    last = max(1, document.page_count)
    page = min(wanted.page, last)
    passage, remarks = _passage(document, wanted)
    if wanted.page > last:
        remarks.append(f"There is no page {wanted.page}; the last one is {last}.")
    safe.show(f'<div class="cx-quiet">{safe.escape(_facts_line(document))}</div>')
    for remark in remarks:
        st.info(safe.label(remark), icon=":material/info:")
    with told():
        with st.skeleton(height=640):
            view = _view(document, page, passage)
        _navigation(view, passage)
        _take_away(document, page)
        _page(view)


def _passage(document: Document, wanted: _Wanted) -> tuple[Passage | None, list[str]]:
    """The passage that the URL names, if it is one of this document, and what has to be said."""
    remarks = [wanted.remark] if wanted.remark else []
    if not wanted.chunk_id or _is_picture(document, wanted.chunk_id):
        return None, remarks
    try:
        passage = suite().passage(wanted.chunk_id)
    except CortexError as error:
        return None, [*remarks, str(error)]
    if passage.chunk.document_id != document.id:
        return None, [*remarks, "The passage of this link belongs to another document."]
    return passage, remarks


def _is_picture(document: Document, hit: str) -> bool:
    """Whether a hit is the look of one of the document's pages: then there is no passage to mark."""
    return any(picture_id(document.id, page) == hit for page in range(1, max(1, document.page_count) + 1))


def _facts_line(document: Document) -> str:
    pages = wording.count(document.page_count, "page")
    where = ", ".join(document.collections)
    return " · ".join(filter(None, [wording.kind(document.info.media_type), pages, where]))


def _view(document: Document, page: int, passage: Passage | None) -> PageView:
    """The page; the one shown last is kept, so that a click beside it draws nothing anew."""
    query = st.query_params.get("q", "") or st.session_state.get(_QUERY, "")
    start, end = (passage.chunk.char_start, passage.chunk.char_end) if passage else (0, 0)
    start, end = _span() or (start, end)
    asked = (document.id, page, start, end, query)
    kept = st.session_state.get(_VIEW)
    if kept is None or kept[0] != asked:
        kept = (asked, suite().page_view(document.id, page, start, end, query, _DRAWN))
        st.session_state[_VIEW] = kept
    view: PageView = kept[1]
    return view


def _span() -> Span | None:
    """The characters of the quote that the URL names, None where it names none (or none that makes sense)."""
    first, _, last = st.query_params.get("span", "").partition("-")
    if not all(each.isascii() and each.isdigit() for each in (first, last)):
        return None
    start, end = int(first[:_DIGITS]), int(last[:_DIGITS])
    return (start, end) if start < end else None


def _go(page: int) -> None:
    st.query_params["page"] = str(page)


def _jump() -> None:
    _go(int(st.session_state["drawer_page"]))


def _navigation(view: PageView, passage: Passage | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="drawer_navigation"):
        if view.last > 1:
            _turn("Previous page", "chevron_left", "Left", view.number - 1, view.number <= 1)
            st.session_state["drawer_page"] = view.number
            st.number_input(
                "Page",
                min_value=1,
                max_value=view.last,
                step=1,
                width=76,
                label_visibility="collapsed",
                on_change=_jump,
                key="drawer_page",
            )
            label = f" · {view.label}" if view.label and view.label != str(view.number) else ""
            with st.container(width="content"):
                safe.show(f'<span class="cx-quiet">of {wording.number(view.last)}{safe.escape(label)}</span>')
            _turn("Next page", "chevron_right", "Right", view.number + 1, view.number >= view.last)
        if passage and not passage.chunk.page <= view.number <= passage.chunk.page_end:
            st.button(
                "Back to the passage",
                icon=":material/undo:",
                type="tertiary",
                on_click=_go,
                args=(passage.chunk.page,),
                key="drawer_back",
            )
        if view.picture is not None:
            st.segmented_control(
                "View",
                ["Page", "Text"],
                default="Page",
                required=True,
                label_visibility="collapsed",
                key="drawer_as",
            )


def _turn(name: str, icon: str, shortcut: str, page: int, disabled: bool) -> None:
    st.button(
        f":material/{icon}:",
        help=name,
        shortcut=shortcut,
        disabled=disabled,
        on_click=_go,
        args=(page,),
        key=f"drawer_{shortcut.lower()}",
    )


def _page(view: PageView) -> None:
    if view.note:
        safe.show(f'<div class="cx-quiet">{safe.escape(view.note)}</div>')
    if view.picture is not None and st.session_state.get("drawer_as") != "Text":
        st.image(view.picture.data, width="stretch", alt=_alt(view))
    elif view.text.strip():
        with st.container(border=True, key="drawer_text"):
            safe.show(page_html(view))
    elif not view.note:
        safe.show('<div class="cx-quiet">This page holds no text.</div>')


def _alt(view: PageView) -> str:
    marks = "; the passage is marked" if view.passage else ""
    return safe.one_line(f"Page {view.number} of {view.document.name}{marks}. The view Text has its words.")


def page_html(view: PageView) -> str:
    """The page's own text as HTML: passage and terms marked, or rendered where it is Markdown with nothing to mark."""
    if view.document.info.media_type == "markdown" and not view.passage and not view.terms:
        return f'<div class="cx-document">{safe.document_html(view.text)}</div>'
    parts, position = [], 0
    for start, end in sorted(view.passage):
        parts.append(_with_terms(view.text, position, start, view.terms))
        parts.append(f'<mark class="passage">{_with_terms(view.text, start, end, view.terms)}</mark>')
        position = max(position, end)
    parts.append(_with_terms(view.text, position, len(view.text), view.terms))
    return f'<div class="cx-page">{"".join(parts)}</div>'


def _with_terms(text: str, start: int, end: int, terms: tuple[Span, ...]) -> str:
    inside = [(first - start, last - start) for first, last in terms if last > start and first < end]
    return safe.marked(text[start:end], inside)


def _take_away(document: Document, page: int) -> None:
    with st.container(horizontal=True, gap="small", key="drawer_actions"):
        with st.popover("Cite", icon=":material/format_quote:", type="tertiary", key="drawer_cite"):
            exporting.citation(document.id, document.name, page, "drawer")
        note = f"The file as it was added, {wording.size(document.bytes)}"
        exporting.original(document, "Original", "drawer_original", note)
        if _is_picture(document, st.query_params.get("hit", "")):
            st.button(
                "More like this",
                icon=":material/image_search:",
                type="tertiary",
                on_click=_more_like,
                args=(document.id, page),
                key="drawer_like",
            )
        graph = suite().config.graph_enabled
        if graph and st.button("Graph", icon=":material/hub:", type="tertiary", key="drawer_graph"):
            st.switch_page(_GRAPH, query_params={"document": document.id})
        with st.popover("Link", icon=":material/link:", type="tertiary", key="drawer_link"):
            params: dict[str, str | list[str]] = {"doc": document.id, "page": str(page)}
            params |= {name: value for name in ("hit", "span") if (value := st.query_params.get(name, ""))}
            if query := st.query_params.get("q", ""):
                params["q"] = query
            st.code(exporting.link(params), language=None, wrap_lines=True)
        with st.popover("About", icon=":material/info:", type="tertiary", key="drawer_about"):
            facts(document)


def _more_like(document_id: str, page: int) -> None:
    """Close the drawer and search for what looks like the page."""
    close()
    search_state.put(search_state.by_picture(picture_id(document_id, page), text=""))
    st.rerun()


def facts(document: Document) -> None:
    """What is known of a document."""
    info = document.info
    rows: list[tuple[str, str]] = [
        ("Title", info.title),
        ("Author", info.author),
        ("Date", wording.date(info.modified or info.created)),
        ("Language", languages.name(info.language) if info.language else ""),
        ("Kind", wording.kind(info.media_type)),
        ("Size", wording.size(document.bytes)),
        ("Passages", wording.number(document.chunk_count)),
        ("Collections", ", ".join(document.collections)),
        ("Tags", ", ".join(document.tags)),
        ("Added", wording.when(document.added)),
        ("Taken from", "\n".join(document.source_paths)),
        ("Id", document.id),
    ]
    cells = "".join(
        f"<tr><th>{safe.escape(name)}</th><td>{safe.escape(value)}</td></tr>" for name, value in rows if value
    )
    safe.show(f'<table class="cx-facts"><tbody>{cells}</tbody></table>')
