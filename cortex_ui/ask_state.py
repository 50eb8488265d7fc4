"""What the Ask page is about: the open conversation, what is searched for answers, the question in the box.

The URL says it (`c` a conversation, `w` an answer that is being written, `in` collections, `mode`); `q` puts a question
into the box and no further: a link must not send anything to a model by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from cortex_engine.core.answers import Answer, Conversation, Question
from cortex_engine.core.errors import CortexError, NotFoundError
from cortex_engine.core.search import Filters, SearchMode
from cortex_ui import ask_writing
from cortex_ui.session import suite

BOX = "ask_box"
LONGEST = 2000
MODES = {
    SearchMode.HYBRID.value: "Hybrid",
    SearchMode.GRAPHRAG.value: "GraphRAG",
    SearchMode.TRADITIONAL.value: "Traditional",
}
IN, MODE, SOURCES, QUOTES = "ask_in", "ask_mode", "ask_sources", "ask_quotes"
USUAL_SOURCES = Question("").sources
_LAST, _SEEN, _PUT, _REMARKS = "ask_last", "ask_seen", "ask_put", "ask_remarks"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is searched, and how."""

    collections: tuple[str, ...] = ()
    mode: str = SearchMode.HYBRID.value
    sources: int = USUAL_SOURCES
    extractive: bool = False


def conversation_id() -> str:
    """The open conversation, "" for a new one."""
    return st.query_params.get("c", "").strip()


def conversation() -> Conversation | None:
    """The open one, None where it is new or not there any more."""
    return _kept(conversation_id())


def _kept(wanted: str) -> Conversation | None:
    if not wanted:
        return None
    try:
        return suite().conversation(wanted)
    except NotFoundError:
        return None


def writing() -> ask_writing.Writing | None:
    """The answer under way here, or the last one that came to no good end."""
    return ask_writing.get(st.query_params.get("w", "")) or ask_writing.of(conversation_id())


def remarks() -> list[str]:
    """Sentences about what a link asked for and is not there."""
    return list(st.session_state.get(_REMARKS, []))


def scope() -> Scope:
    """What the widgets say. A browser could send anything: what is not among the choices counts as the default."""
    state, plain = st.session_state, Scope()
    mode, sources = state.get(MODE), state.get(SOURCES)
    return Scope(
        tuple(state.get(IN) or ()),
        mode if mode in MODES else plain.mode,
        sources if isinstance(sources, int) and 1 <= sources <= 20 else plain.sources,
        bool(state.get(QUOTES)),
    )


def put(wanted: Scope) -> None:
    """Set the widgets (in a callback, or before they are drawn)."""
    state = st.session_state
    state[IN], state[MODE] = list(wanted.collections), wanted.mode
    state[SOURCES], state[QUOTES] = wanted.sources, wanted.extractive


def take_over(names: list[str]) -> None:
    """Before the widgets are drawn: what the URL asks for, when the page is opened or the URL changed from outside."""
    state, here = st.session_state, (conversation_id(), st.query_params.get("q", ""))
    arrived = IN not in state
    if not arrived and here == state.get(_SEEN):
        state[IN] = [name for name in state[IN] if name in names]
        return
    last: tuple[dict[str, str], Scope] | None = state.get(_LAST)
    asked = any(name in st.query_params for name in ("c", "w", "q", "in", "mode"))
    if arrived and last and not asked:  # back from another page: as it was left
        put(Scope(*(tuple(each for each in last[1].collections if each in names), *_rest(last[1]))))
        for name, value in last[0].items():
            st.query_params[name] = value
    elif arrived or asked:
        _from_url(names, last[1] if last else Scope())
    if here[1]:
        state[_PUT] = here[1][:LONGEST]
    state[_SEEN] = (conversation_id(), here[1])


def _rest(wanted: Scope) -> tuple[str, int, bool]:
    return wanted.mode, wanted.sources, wanted.extractive


def _from_url(names: list[str], before: Scope) -> None:
    told: list[str] = []
    wanted = [name for name in dict.fromkeys(st.query_params.get_all("in")) if name.strip()]
    known = [name for name in wanted if name in names]
    told += [
        f"The link asked for the collection '{each[:80]}', which does not exist (any more)."
        for each in wanted
        if each not in names
    ]
    mode = st.query_params.get("mode", "").lower()
    if mode and mode not in MODES:
        told.append(f"The link asked for mode '{mode[:40]}', which is not one of {', '.join(MODES)}.")
    opened = conversation()
    if conversation_id() and opened is None:
        told.append("The conversation of this link is not there any more.")
        del st.query_params["c"]
    if not wanted and opened is not None:
        known = [name for name in opened.collections if name in names]
    put(Scope(tuple(known), mode if mode in MODES else before.mode, before.sources, before.extractive))
    st.session_state[_REMARKS] = told


def settle() -> None:
    """After the widgets are drawn: the URL says what is chosen, and it is found again after a visit to another page."""
    now = scope()
    if list(now.collections) != st.query_params.get_all("in"):
        st.query_params["in"] = list(now.collections)
    if now.mode != Scope().mode:
        st.query_params["mode"] = now.mode
    else:
        st.query_params.pop("mode", None)
    here = {name: st.query_params[name] for name in ("c", "w") if name in st.query_params}
    st.session_state[_LAST] = (here, now)


def fill_box() -> None:
    """Before the box is drawn: put into it what waits to be put there."""
    if text := st.session_state.pop(_PUT, ""):
        st.session_state[BOX] = text


def back_into_box(text: str) -> None:
    """What was typed stands in the box with the next run."""
    st.session_state[_PUT] = text


def sent() -> None:
    """The box was sent (its `on_submit`)."""
    text = str(st.session_state.get(BOX) or "").strip()
    if not text:
        return
    now = writing()
    if now is not None and not now.over:
        back_into_box(text)
        st.toast(
            "One answer at a time: stop the one that is being written, or wait for it.", icon=":material/hourglass:"
        )
        return
    ask(text)


def ask(text: str, collections: tuple[str, ...] | None = None, extractive: bool | None = None) -> None:
    """Ask in the open conversation (in a callback). `collections`: others than are chosen."""
    now = scope()
    filters = Filters(collections=now.collections if collections is None else collections)
    begin(
        Question(
            text,
            filters,
            conversation_id(),
            SearchMode(now.mode),
            now.sources,
            now.extractive if extractive is None else extractive,
        )
    )


def begin(question: Question) -> None:
    """Have it answered; where not even that is possible, the words go back into the box."""
    before = writing()
    try:
        if question.conversation_id and _kept(question.conversation_id) is None:  # deleted in another window
            question = replace(question, conversation_id="")
            st.query_params.pop("c", None)
        begun = ask_writing.start(question)
    except CortexError as error:
        back_into_box(question.text)
        st.session_state[_REMARKS] = [str(error)]
        return
    if before is not None:
        ask_writing.forget(before.id)
    st.session_state[_REMARKS] = []
    st.query_params.pop("q", None)
    st.query_params["w"] = begun.id
    st.session_state[_SEEN] = (conversation_id(), "")


def arrived(answer: Answer) -> None:
    """The answer is kept: show the conversation that holds it."""
    st.query_params["c"] = answer.conversation_id
    st.query_params.pop("w", None)
    st.session_state[_SEEN] = (answer.conversation_id, st.query_params.get("q", ""))


def drop(left: ask_writing.Writing) -> None:
    """Show a question that came to no good end no more (in a callback)."""
    ask_writing.forget(left.id)
    st.query_params.pop("w", None)


def open_conversation(wanted: str) -> None:
    """Show another conversation, "" for a new one (in a callback)."""
    for name in ("w", "q", "c", "doc", "page", "hit", "span"):
        st.query_params.pop(name, None)
    st.session_state[_REMARKS] = []
    if wanted:
        st.query_params["c"] = wanted
        if (opened := conversation()) is not None:
            st.session_state[IN] = list(opened.collections)
    st.session_state[_SEEN] = (wanted, "")
