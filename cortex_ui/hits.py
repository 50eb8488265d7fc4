"""The results: a card for each, its standing in words with the numbers behind, what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from cortex_engine.core.graph import in_words
from cortex_engine.core.search import Filters, HitKind, Query, SearchHit, SearchResult
from cortex_ui import cards, explained, exporting, gallery, hit_menu, safe, search_state, standing, waterfall, wording
from cortex_ui.session import suite, told
from cortex_ui.standing import Averages

_MORE = 50
_THUMBNAIL = 88


def arranged(result: SearchResult, order: str) -> SearchResult:
    """The result in the order that was chosen; ranks stay what the search gave."""
    hits = result.hits
    if order == "name":
        hits = tuple(sorted(hits, key=lambda hit: (hit.document.casefold(), hit.page, hit.rank)))
    elif order == "newest":
        ids = tuple(dict.fromkeys(hit.document_id for hit in hits))
        known = suite().documents(Filters(documents=ids), limit=len(ids)) if ids else []
        dates = {each.id: each.info.modified or each.info.created or each.added for each in known}
        hits = tuple(sorted(hits, key=lambda hit: hit.rank))
        hits = tuple(sorted(hits, key=lambda hit: dates.get(hit.document_id, ""), reverse=True))
    return replace(result, hits=hits)


def count_line(result: SearchResult) -> str:
    """ "20 passages in 5 documents · ordered anew · 31 ms"."""
    documents = len({hit.document_id for hit in result.hits})
    count = wording.count(sum(1 + hit.more for hit in result.hits), standing.noun(result))
    anew = "ordered anew" if any(hit.relevance is not None for hit in result.hits) else ""
    took = wording.milliseconds(result.timings_ms["total"])
    return " · ".join(filter(None, [f"{count} in {wording.count(documents, 'document')}", anew, took]))


def draw(result: SearchResult) -> None:
    """All hits: cards for passages; pictures in a strip that stands where the best of them ranks, or as a gallery."""
    hit_menu.read_judgements(result.query)
    explained.follow(result)
    waterfall.prepare(result)
    usual = standing.averages(result)
    if gallery.only_pictures(result):
        gallery.draw(result, usual)
        return
    pictures = gallery.files(result)
    for hit in result.hits:
        if hit not in pictures:
            with st.container(border=True, key=f"hit_{hit.chunk_id}"):
                _card(hit, result.query, usual, bool(pictures))
        elif hit is pictures[0]:
            gallery.strip(pictures, result.query, usual)


@st.fragment
def _card(hit: SearchHit, query: Query, usual: Averages, ranks: bool) -> None:
    with st.container(horizontal=True, wrap=False, gap="medium"):
        with st.container(width=_THUMBNAIL, key=f"thumb_{hit.chunk_id}"):
            cards.thumbnail(hit.document_id, hit.document, hit.media_type, hit.page)
        with st.container(gap="xsmall"):
            _heading(hit, usual, ranks)
            _text(hit, query)
            explained.draw(hit, query)
            _actions(hit, query)
            if hit.more:
                _more(hit, query, usual)


def _heading(hit: SearchHit, usual: Averages, ranks: bool) -> None:
    with st.container(horizontal=True, wrap=False, gap="small", key=f"heading_{hit.chunk_id}"):
        title = hit.title.strip()
        second = f'<div class="cx-quiet">{safe.escape(title)}</div>' if title and title != hit.document else ""
        number = f"No. {hit.rank}" if ranks else ""
        facts = " · ".join(filter(None, [number, where(hit), standing.relevance(hit), standing.compared(hit)]))
        with st.container(gap=None):
            safe.show(
                f'<div class="cx-name">{safe.escape(safe.one_line(hit.document))}</div>{second}'
                f'<div class="cx-quiet">{safe.escape(facts)}</div>'
            )
        standing.badge(hit, usual)


def where(hit: SearchHit) -> str:
    """ "Page 2 (ii) · Samples", "Slide 4 · Samples"."""
    label, number = safe.one_line(hit.page_label), str(hit.page)
    if label and label != number and label.endswith(number):
        pages = label
    else:
        pages = f"Pages {number}–{hit.page_end}" if hit.page_end > hit.page else f"Page {number}"
        pages += f" ({label})" if label and label != number else ""
    return safe.one_line(" · ".join(filter(None, [pages, ", ".join(hit.collections)])))


def _text(hit: SearchHit, query: Query) -> None:
    snippet = suite().snippet(hit.text, query.text)
    heading = hit.context.strip().split("\n")[0] if hit.kind is HitKind.TEXT else "Found by the look of the page"
    above = "".join(
        f'<div class="cx-quiet">{safe.escape(safe.one_line(line))}</div>' for line in (heading, _way(hit)) if line
    )
    safe.show(f'{above}<div class="cx-snippet">{safe.marked(snippet.text, snippet.marks)}</div>')


def _way(hit: SearchHit) -> str:
    """ "via Bill Gates → Microsoft", "" where the knowledge graph had no part."""
    return f"via {in_words(hit.path)}" if hit.path else ""


def _actions(hit: SearchHit, query: Query) -> None:
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.button(
            "Open page",
            icon=":material/open_in_full:",
            type="tertiary",
            on_click=hit_menu.open_page,
            args=(hit, query),
            key=f"open_{hit.chunk_id}",
        )
        hit_menu.like_button(hit)
        cite = st.popover(
            "Cite", icon=":material/format_quote:", type="tertiary", on_change="rerun", key=f"cite_{hit.chunk_id}"
        )
        if cite.open:
            with cite:
                exporting.citation(hit.document_id, hit.document, hit.page, f"citation_{hit.chunk_id}")
        word = hit_menu.said(hit)
        more = st.popover(
            "More", icon=":material/more_horiz:", type="tertiary", on_change="rerun", key=f"more_{hit.chunk_id}"
        )
        if more.open:
            with more:
                hit_menu.draw(hit, query)
        if word:
            st.markdown(f":gray[:material/{'thumb_up' if word > 0 else 'thumb_down'}:]", width="content")


def _more(hit: SearchHit, query: Query, usual: Averages) -> None:
    """Further passages of the document; they are searched when the list is opened."""
    expander = st.expander(
        f"{wording.count(hit.more, 'more passage')} in this document",
        type="compact",
        on_change="rerun",
        key=f"passages_{hit.chunk_id}",
    )
    if not expander.open:
        return
    with expander, told():
        for other in _others(hit, query):
            with st.container(gap="xsmall", key=f"other_{other.chunk_id}"):
                snippet = suite().snippet(other.text, query.text, 220)
                safe.show(
                    f'<div class="cx-quiet">{safe.escape(where(other))} · {standing.word(other, usual)}</div>'
                    f'<div class="cx-snippet">{safe.marked(snippet.text, snippet.marks)}</div>'
                )
                st.button(
                    "Open page",
                    icon=":material/open_in_full:",
                    type="tertiary",
                    on_click=hit_menu.open_page,
                    args=(other, query),
                    key=f"open_other_{other.chunk_id}",
                )


def _others(hit: SearchHit, query: Query) -> Sequence[SearchHit]:
    filters = replace(query.filters, documents=(hit.document_id,))
    wide = replace(query, filters=filters, group=False, top_k=min(hit.more, _MORE) + 1)
    found = search_state.found(wide, record=False).hits
    return [other for other in found if other.chunk_id != hit.chunk_id][: min(hit.more, _MORE)]
