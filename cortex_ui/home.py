"""Home: the first steps on an empty library; later what is in it, a search box, recent documents, jobs and health."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cortex_engine.core.app import ModelState
from cortex_engine.core.documents import Document
from cortex_engine.core.reports import Job
from cortex_ui import cards, drawer, graph_words, leaving, migrations, model_words, safe, wording
from cortex_ui.session import suite, told

_PAGES = Path(__file__).parents[1] / "pages"
_SEARCH, _INGEST = _PAGES / "3_Knowledge_Search.py", _PAGES / "2_Knowledge_Ingest.py"
_COLLECTIONS, _INSPECTOR = _PAGES / "5_Collection_Management.py", _PAGES / "Maintenance.py"
_GRAPH = _PAGES / "Knowledge_Graph.py"
_RECENT, _NAMES = 10, 8
_QUESTIONS = 4
_FOLLOW_SECONDS = 2.0


def draw() -> None:
    """The page."""
    counts = suite().counts()
    progress = suite().queue_progress()
    if counts.documents == 0 and progress.total == 0:
        _first_steps()
    elif counts.documents == 0:
        _arriving()
    else:
        _library()


def _first_steps() -> None:
    with st.container(width=760, key="first_steps"):
        st.space("large")
        st.title("Find anything in your own documents")
        st.markdown(
            "Cortex reads PDFs, Office files, web pages, mail, scans and pictures on this computer, and finds them again "
            "**by meaning, by word and by place on the page**."
        )
        with st.grid(2, min_column_width=300):
            with st.container(border=True, height="stretch", key="card_add"):
                st.markdown("### :material/note_add: Add your files")
                st.markdown(
                    ":gray[Drag in files or a whole folder. Each can be searched as soon as it is done; what cannot be read "
                    "says why.]"
                )
                st.space("stretch")
                st.page_link(_INGEST, label="Add files", icon=":material/arrow_forward:", icon_position="right")
            with st.container(border=True, height="stretch", key="card_samples"):
                st.markdown("### :material/science: Try it with samples")
                st.markdown(
                    ":gray[Eleven small documents about an island that does not exist: a scan, slides, a sheet, a letter. "
                    "Ready in seconds, and removed with their collection.]"
                )
                st.space("stretch")
                st.button("Load the samples", type="primary", on_click=_load_samples, key="load_samples")
        st.fragment(_troubles, run_every=_FOLLOW_SECONDS)()  # a model is tried only after the first page
        safe.show(f'<p class="cx-quiet">{safe.escape(_where_it_runs())}</p>')


def _where_it_runs() -> str:
    names = [
        model.name
        for model in suite().model_statuses()
        if model.role.endswith("embedding") and model.state not in {ModelState.OFF, *model_words.WRONG}
    ]
    model = f" Text becomes vectors by {names[0]}." if names else ""
    return f"{leaving.sentence(suite().config)}{model} The library lies in {suite().config.data_dir}."


def _load_samples() -> None:
    with told():
        suite().submit_samples()


@st.fragment(run_every="1s")
def _arriving() -> None:
    progress = suite().queue_progress()
    with st.container(width=760):
        st.space("large")
        st.title("The first documents are on their way")
        share = progress.done / progress.total if progress.total else 1.0
        st.progress(share, text=f"{progress.done} of {progress.total} done")
        for name in progress.active:
            safe.show(f'<div class="cx-quiet">Reading {safe.escape(name)}</div>')
        if progress.trouble:
            st.warning(safe.label(progress.trouble), icon=":material/warning:")
        st.page_link(_INGEST, label="See every file", icon=":material/arrow_forward:", icon_position="right")
    if suite().counts().documents or progress.total == progress.done:
        st.rerun()


def _library() -> None:
    st.title("Home")
    _search_box()
    _questions()
    busy = _busy()
    st.fragment(_contents, run_every=_FOLLOW_SECONDS if busy else None)(busy)
    drawer.show_opened()


def _busy() -> bool:
    return suite().queue_progress().busy or migrations.under_way()


def _contents(busy: bool) -> None:
    """What changes while files arrive or a collection moves; when that has ended, the page is drawn once more and then rests."""
    _figures()
    _troubles()
    _jobs()
    _moves()
    _names()
    _recent()
    if busy and not _busy():
        st.rerun()


def _names() -> None:
    """What the documents speak of most, each a way into the graph."""
    named = suite().find_entities(limit=_NAMES) if suite().config.graph_enabled else []
    if not named:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Most mentioned")
        st.page_link(_GRAPH, label="Knowledge Graph", icon=":material/arrow_forward:", icon_position="right")
    with st.container(horizontal=True, gap="small", key="home_names"):
        for entity in named:
            name = f"{safe.label(graph_words.short(entity.name, 40))} :gray[{wording.number(entity.mentions)}]"
            st.page_link(_GRAPH, label=name, query_params={"entity": entity.id})


def _moves() -> None:
    """Collections on their way to another model."""
    if suite().migrations(open_only=True):
        with st.container(key="home_moves", gap="xsmall"):
            migrations.lines()
            st.page_link(_INSPECTOR, label="See the move", icon=":material/arrow_forward:", icon_position="right")


def _search_box() -> None:
    with st.form("home_search", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        query = st.text_input(
            "Search the library",
            type="search",
            placeholder="Ask a question or type keywords",
            label_visibility="collapsed",
            key="home_q",
        )
        sent = st.form_submit_button("Search", type="primary", width="content")
    if sent and query.strip():
        ask(query)


def ask(query: str) -> None:
    """Go to the search page with this query."""
    st.switch_page(_SEARCH, query_params={"q": query})


def _questions() -> None:
    """Questions about the samples, as long as these are there."""
    questions = suite().sample_questions()[:_QUESTIONS]
    if not questions:
        return
    with st.container(horizontal=True, key="questions", gap="small"):
        for position, question in enumerate(questions):
            if st.button(safe.label(question), icon=":material/search:", key=f"question_{position}", type="secondary"):
                ask(question)


def _figures() -> None:
    counts = suite().counts()
    with st.grid(5 if counts.pictures else 4, min_column_width=150, gap="small"):
        st.metric("Documents", wording.number(counts.documents), border=True)
        st.metric("Pages", wording.number(counts.pages), border=True)
        st.metric("Passages", wording.number(counts.passages), border=True)
        if counts.pictures:
            st.metric("Pictures", wording.number(counts.pictures), border=True)
        st.metric("Size of the originals", wording.size(counts.bytes), border=True)


def _troubles() -> None:
    """What somebody should know before trusting a search; nothing when all is well."""
    for model in suite().model_statuses():
        if model.role.endswith("embedding") and model.state in model_words.WRONG:
            st.warning(
                f"{safe.label(model.name)} cannot be used: {safe.label(model.reason)} What it is to "
                "embed is found by words alone until then.",
                icon=":material/warning:",
            )


def _jobs() -> None:
    jobs = suite().jobs(active_only=True)[:3]
    if not jobs:
        return
    st.subheader("In work")
    for job in jobs:
        with st.container(border=True, key=f"home_job_{job.id}"):
            st.progress(job.finished / job.total if job.total else 0.0, text=_job_line(job))
    st.page_link(_INGEST, label="See every file", icon=":material/arrow_forward:", icon_position="right")


def _job_line(job: Job) -> str:
    return f"{safe.label(job.collection)}: {job.finished} of {wording.count(job.total, 'file')}"


def _recent() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Recently added")
        st.page_link(_COLLECTIONS, label="All documents", icon=":material/arrow_forward:", icon_position="right")
    with st.grid("auto", min_column_width=170, gap="small", key="recent"):
        for document in suite().documents(limit=_RECENT, order="added"):
            with st.container(border=True, height="stretch", key=f"recent_{document.id}"):
                _card(document)


def _open(document_id: str) -> None:
    """The drawer is drawn outside of the fragment that the button stands in."""
    drawer.open_document(document_id)
    st.rerun()


def _card(document: Document) -> None:
    cards.thumbnail(document.id, document.name, document.info.media_type)
    container, _, own = document.name.rpartition("/")
    inside = f"<br>in {safe.escape(container)}" if container else ""
    safe.show(f'<div class="cx-name">{safe.escape(own)}</div><div class="cx-quiet">{_facts(document)}{inside}</div>')
    st.space("stretch")
    st.button(
        "Open",
        type="tertiary",
        icon=":material/open_in_full:",
        key=f"open_{document.id}",
        on_click=_open,
        args=(document.id,),
    )


def _facts(document: Document) -> str:
    pages = wording.count(document.page_count, "page")
    return f"{wording.kind(document.info.media_type)} · {pages} · {wording.when(document.added)}"
