"""The results: a card for each, its standing in words with the numbers behind, what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from cortex_engine.core.errors import CortexError
from cortex_engine.core.search import Filters, Query, SearchHit, SearchResult
from cortex_ui import cards, drawer, exporting, safe, search_state, wording
from cortex_ui.session import suite, told

_STRONG, _GOOD = 0.45, 0.28
"""Share of the way from an average passage to identity. The best passages of the samples' questions lie at 0.28 to 0.65,
those of questions that the samples do not answer at 0.15 at most (all-MiniLM-L6-v2)."""

_BEST_WORDS = 10
_COLOURS = {"Strong": "green", "Good": "blue", "Weak": "gray", "Keyword match": "violet"}
_STAGES = {
    "vector": ("Meaning", "cosine"),
    "lexical": ("Words", "BM25"),
    "characters": ("Spelling", "score"),
    "fusion": ("Together", "score"),
}
_MORE = 50
_JUDGED = "search_judged"
_THUMBNAIL = 88


def standing(hit: SearchHit, average: float = 0.0) -> str:
    """How good a hit is, in words: by its cosine; "Keyword match" where the words alone speak for it.

    Args:
        hit: the hit.
        average: mean cosine of all passages with the query; models differ in where their cosines begin.
    """
    vector, words = hit.stages.get("vector"), hit.stages.get("lexical")
    near = (vector.score - average) / max(1e-6, 1.0 - average) if vector is not None else -1.0
    if near >= _STRONG:
        return "Strong"
    if near >= _GOOD:
        return "Good"
    if words is not None and words.rank is not None and (vector is None or words.rank <= _BEST_WORDS):
        return "Keyword match"
    return "Weak"


def average_cosine(result: SearchResult) -> float:
    """Mean cosine of all passages with the query as fusion estimated it; 0 where the trace does not know it."""
    for step in result.trace.steps:
        mean = step.facts.get("vector mean")
        if isinstance(mean, (int, float)) and mean < 1:
            return float(mean)
    return 0.0


def numbers(hit: SearchHit) -> list[tuple[str, str, str]]:
    """For each stage: its name, the score with its unit, the rank."""
    rows = []
    for stage, place in hit.stages.items():
        name, unit = _STAGES.get(stage, (stage.capitalize(), "score"))
        rank = f"rank {place.rank:,}" if place.rank is not None else ""
        rows.append((name, f"{unit} {place.score:.3f}", rank))
    return rows


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
    """ "20 passages in 5 documents · 31 ms"."""
    documents = len({hit.document_id for hit in result.hits})
    passages = sum(1 + hit.more for hit in result.hits)
    took = wording.milliseconds(result.timings_ms["total"])
    return f"{wording.count(passages, 'passage')} in {wording.count(documents, 'document')} · {took}"


def draw(result: SearchResult) -> None:
    """All cards."""
    st.session_state[_JUDGED] = {each.chunk_id: each.value for each in suite().judgements(result.query.text)}
    average = average_cosine(result)
    for hit in result.hits:
        with st.container(border=True, key=f"hit_{hit.chunk_id}"):
            _card(hit, result.query, average)


@st.fragment
def _card(hit: SearchHit, query: Query, average: float) -> None:
    with st.container(horizontal=True, wrap=False, gap="medium"):
        with st.container(width=_THUMBNAIL, key=f"thumb_{hit.chunk_id}"):
            cards.thumbnail(hit.document_id, hit.document, hit.media_type, hit.page)
        with st.container(gap="xsmall"):
            _heading(hit, average)
            _text(hit, query)
            _actions(hit, query)
            if hit.more:
                _more(hit, query, average)


def _heading(hit: SearchHit, average: float) -> None:
    with st.container(horizontal=True, wrap=False, gap="small", key=f"heading_{hit.chunk_id}"):
        title = hit.title.strip()
        second = f'<div class="cx-quiet">{safe.escape(title)}</div>' if title and title != hit.document else ""
        with st.container(gap=None):
            safe.show(
                f'<div class="cx-name">{safe.escape(safe.one_line(hit.document))}</div>{second}'
                f'<div class="cx-quiet">{safe.escape(where(hit))}</div>'
            )
        word = standing(hit, average)
        tip = "  \n".join(", ".join(filter(None, [f"{name}: {score}", rank])) for name, score, rank in numbers(hit))
        st.badge(word, color=_COLOURS[word], help=tip)  # type: ignore[arg-type]


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
    heading = hit.context.strip().split("\n")[0]
    above = f'<div class="cx-quiet">{safe.escape(safe.one_line(heading))}</div>' if heading else ""
    safe.show(f'{above}<div class="cx-snippet">{safe.marked(snippet.text, snippet.marks)}</div>')


def _open(hit: SearchHit, query: Query) -> None:
    page = drawer.best_page(hit, query.text) if hit.page_end > hit.page else hit.page
    drawer.open_document(hit.document_id, page, hit.chunk_id, query.text)
    st.rerun()  # the card is a fragment, the drawer belongs to the page


def _actions(hit: SearchHit, query: Query) -> None:
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.button(
            "Open page",
            icon=":material/open_in_full:",
            type="tertiary",
            on_click=_open,
            args=(hit, query),
            key=f"open_{hit.chunk_id}",
        )
        cite = st.popover(
            "Cite", icon=":material/format_quote:", type="tertiary", on_change="rerun", key=f"cite_{hit.chunk_id}"
        )
        if cite.open:
            with cite:
                exporting.citation(hit.document_id, hit.document, hit.page, f"citation_{hit.chunk_id}")
        word = st.session_state.get(_JUDGED, {}).get(hit.chunk_id, 0)
        more = st.popover(
            "More", icon=":material/more_horiz:", type="tertiary", on_change="rerun", key=f"more_{hit.chunk_id}"
        )
        if more.open:
            with more:
                _menu(hit, query, word)
        if word:
            st.markdown(f":gray[:material/{'thumb_up' if word > 0 else 'thumb_down'}:]", width="content")


def _menu(hit: SearchHit, query: Query, word: int) -> None:
    st.markdown("**Does this passage answer the search?**")
    with st.container(horizontal=True, gap="small"):
        if word:
            st.markdown("You said: it does." if word > 0 else "You said: it does not.")
            _judging("Undo", "undo", hit, query, 0)
        else:
            _judging("It does", "thumb_up", hit, query, 1)
            _judging("It does not", "thumb_down", hit, query, -1)
    st.markdown("**Why it was found**")
    rows = "".join(f"<tr><td>{name}</td><td>{score}</td><td>{rank}</td></tr>" for name, score, rank in numbers(hit))
    safe.show(f'<table class="cx-facts"><tbody>{rows}</tbody></table>')
    st.markdown("**Link to this passage**")
    params: dict[str, str | list[str]] = dict(search_state.gathered().url())
    params |= {"doc": hit.document_id, "page": str(hit.page), "hit": hit.chunk_id}
    st.code(exporting.link(params), language=None, wrap_lines=True)


def _judging(title: str, icon: str, hit: SearchHit, query: Query, value: int) -> None:
    st.button(
        title,
        icon=f":material/{icon}:",
        on_click=_judge,
        args=(query.text, hit.chunk_id, value),
        key=f"judge_{value}_{hit.chunk_id}",
    )


def _judge(text: str, chunk_id: str, value: int) -> None:
    """Keep the word; an error is told at the top of the page."""
    try:
        suite().judge(text, chunk_id, value)
    except CortexError as error:
        st.toast(safe.label(str(error)), icon=":material/error:")
        return
    st.session_state.setdefault(_JUDGED, {})[chunk_id] = value


def _more(hit: SearchHit, query: Query, average: float) -> None:
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
                    f'<div class="cx-quiet">{safe.escape(where(other))} · {standing(other, average)}</div>'
                    f'<div class="cx-snippet">{safe.marked(snippet.text, snippet.marks)}</div>'
                )
                st.button(
                    "Open page",
                    icon=":material/open_in_full:",
                    type="tertiary",
                    on_click=_open,
                    args=(other, query),
                    key=f"open_other_{other.chunk_id}",
                )


def _others(hit: SearchHit, query: Query) -> Sequence[SearchHit]:
    filters = replace(query.filters, documents=(hit.document_id,))
    wide = replace(query, filters=filters, group=False, top_k=min(hit.more, _MORE) + 1)
    return [other for other in search_state.found(wide).hits if other.chunk_id != hit.chunk_id][: min(hit.more, _MORE)]
