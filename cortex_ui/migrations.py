"""Moves of collections to another embedding model: how far they are, what they found, and what can be done about them.

All of it lies in the catalog: reloads, other tabs and restarts lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import streamlit as st

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.migration import Migration, MigrationState, ParityReport
from cortex_ui import safe, tasks, wording
from cortex_ui.session import suite, told

_SECONDS = 1.0
_PATIENCE = 1.0
_CHANGES = 5
"""Documents lost or won that are shown without asking."""
_EARLIER = 8
_FLOAT_BYTES, _COPIES = 4, 2
_S = MigrationState
_ENDED = (_S.DONE, _S.CANCELLED)
_Standing = tuple[tuple[str, str, bool], ...]
_BADGES: dict[MigrationState, tuple[str, Literal["blue", "orange", "green", "gray", "violet"]]] = {
    _S.RUNNING: ("Re-embedding", "blue"),
    _S.PAUSED: ("Paused", "orange"),
    _S.READY: ("Ready to switch", "violet"),
    _S.SWITCHED: ("Switched", "green"),
    _S.ROLLED_BACK: ("Gone back", "gray"),
    _S.DONE: ("Done", "green"),
    _S.CANCELLED: ("Cancelled", "gray"),
}
_DOING = {
    "pause": "Pausing",
    "resume": "Beginning again",
    "cancel": "Removing what was made",
    "switch": "Switching to the new model",
    "rollback": "Going back to the former model",
    "purge": "Removing the old vectors",
}


def draw() -> None:
    """Every move that has not ended; it follows by itself while one is under way."""
    moves = suite().migrations(open_only=True)
    if moves:
        st.fragment(_follow, run_every=_SECONDS if _moving(moves) else None)(_standing(moves))


def _follow(before: _Standing) -> None:
    with told():
        moves = suite().migrations(open_only=True)
        if _standing(moves) != before:
            st.rerun()
        st.subheader("Moves to another model", anchor=False)
        for move in moves:
            _card(move)


def lines() -> None:
    """One line for each move that is under way or waits for somebody (Home)."""
    for move in suite().migrations(open_only=True):
        name = safe.label(move.collection)
        if move.state in {_S.RUNNING, _S.PAUSED}:
            word = "paused" if move.state is _S.PAUSED else _going(move)
            st.progress(
                move.done / move.total if move.total else 0.0,
                text=f"{name} moves to {safe.label(move.target.model)}: {word}",
            )
        elif move.state is _S.READY:
            st.markdown(f":material/task_alt: {name} can be switched to {safe.label(move.target.model)}.")
        else:
            present, kept = move.target.model, move.source.model
            if move.state is _S.ROLLED_BACK:
                present, kept = kept, present
            st.markdown(
                f":material/swap_horiz: {name} uses {safe.label(present)}; vectors of {safe.label(kept)} are kept until "
                "you remove them."
            )


def under_way() -> bool:
    """Whether vectors are being made for a move."""
    return any(move.state is _S.RUNNING for move in suite().migrations(open_only=True))


def _moving(moves: Sequence[Migration]) -> bool:
    return any(move.state is _S.RUNNING or _running(move) for move in moves)


def _standing(moves: Sequence[Migration]) -> _Standing:
    return tuple((move.id, move.state, _running(move)) for move in moves)


def _running(move: Migration) -> bool:
    task = tasks.find(f"move:{move.id}")
    return task is not None and task.running


# -- one move --------------------------------------------------------------------------------------------------------


def _card(move: Migration) -> None:
    word, colour = _BADGES[move.state]
    with st.container(border=True, key=f"move_{move.id}", gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
            safe.show(
                f'<div><span class="cx-name">{safe.escape(move.collection)}</span> '
                f'<span class="cx-quiet">{safe.escape(_from_to(move))}</span></div>'
            )
            st.badge(word, color=colour)
        if move.state in {_S.RUNNING, _S.PAUSED}:
            st.progress(move.done / move.total if move.total else 0.0, text=_going(move))
        if said := _says(move):
            safe.show(f'<div class="cx-reason">{safe.escape(said)}</div>')
        if move.report is not None and move.state in {_S.READY, _S.SWITCHED, _S.ROLLED_BACK}:
            _report(move.id, move.report)
        _actions(move)


def _from_to(move: Migration) -> str:
    return f"{_model(move.source)} → {_model(move.target)}"


def _model(spec: EmbeddingSpec) -> str:
    name = "hashed words" if spec.backend == "hashing" else spec.model
    return f"{name} ({wording.number(spec.dimension)})"


def _going(move: Migration) -> str:
    parts = [f"{wording.number(move.done)} of {wording.count(move.total, 'vector')}"]
    if move.state is _S.RUNNING and move.rate:
        rate = f"{move.rate:,.0f} a second" if move.rate >= 1 else f"{move.rate * 60:,.0f} a minute"
        parts.append(rate)
    if move.state is _S.RUNNING and move.seconds_left is not None:
        parts.append(f"{wording.duration(move.seconds_left)} left")
    return " · ".join(parts)


def _says(move: Migration) -> str:
    """What is to be known: the engine's own sentence, or what the state means."""
    means = {
        _S.RUNNING: f"Searches go on with {move.source.model} meanwhile; documents that are added go into both.",
        _S.SWITCHED: f"Searches use {move.target.model}. The vectors of {move.source.model} are kept, and kept "
        "up to date, so that you can go back.",
        _S.ROLLED_BACK: f"Searches use {move.source.model} again, with the same results as before. The vectors of "
        f"{move.target.model} are kept until you remove them.",
    }
    own = move.message.replace("`", "")
    return " ".join(filter(None, [means.get(move.state, ""), own if own not in means.values() else ""]))


# -- what can be done ------------------------------------------------------------------------------------------------


def _actions(move: Migration) -> None:
    task = tasks.find(f"move:{move.id}")
    if task is not None and task.running:
        st.markdown(f":material/hourglass_top: {_DOING[str(task.about)]} …")
        return
    if task is not None and task.error:
        st.error(safe.label(task.error), icon=":material/error:")
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"move_actions_{move.id}"):
        if move.state is _S.RUNNING:
            _button(move, "pause", "Pause", "pause")
        if move.state is _S.PAUSED:
            _button(move, "resume", "Resume", "play_arrow", primary=True)
        if move.state in {_S.READY, _S.ROLLED_BACK}:
            label = "Switch" if move.state is _S.READY else "Switch again"
            _button(move, "switch", label, "published_with_changes", primary=move.state is _S.READY)
        if move.state in {_S.RUNNING, _S.PAUSED, _S.READY}:
            what = f"What was made so far, {wording.count(move.done, 'vector')}, is removed; the collection stays as it is."
            _asked(move, "cancel", "Cancel", "close", what, "Cancel the move")
        if move.state is _S.SWITCHED:
            _button(move, "rollback", "Go back", "undo")
            _asked(move, "purge", "Remove the old vectors", "delete_sweep", _frees(move, move.source), "Remove them")
        if move.state is _S.ROLLED_BACK:
            _asked(move, "purge", "Remove the new vectors", "delete_sweep", _frees(move, move.target), "Remove them")


def _button(move: Migration, name: str, label: str, icon: str, primary: bool = False) -> None:
    st.button(
        label,
        type="primary" if primary else "secondary",
        icon=f":material/{icon}:",
        key=f"{name}_move_{move.id}",
        on_click=act,
        args=(name, move.id),
    )


def _asked(move: Migration, name: str, label: str, icon: str, what: str, sure: str) -> None:
    """A button that says first what goes, and asks once."""
    with st.popover(label, icon=f":material/{icon}:", type="tertiary", key=f"ask_{name}_{move.id}"):
        safe.show(f"<div>{safe.escape(what)}</div>")
        st.button(sure, type="primary", key=f"{name}_move_{move.id}", on_click=act, args=(name, move.id))


def _frees(move: Migration, spec: EmbeddingSpec) -> str:
    counts = suite().collection_counts(move.collection)
    vectors = counts.passages + (2 * counts.pictures if spec.sees else 0)
    size = wording.size(vectors * spec.dimension * _FLOAT_BYTES * _COPIES)
    sharing = [each.name for each in suite().collections() if each.spec.id == spec.id]
    share = f" What {', '.join(sharing)} shares with it stays." if sharing else ""
    return f"This frees about {size} on the disk. There is no way back to {spec.model} then but to embed again.{share}"


def act(name: str, move_id: str) -> None:
    """Do something to a move, beside the page: a switch may have documents to embed first (an `on_click` callback)."""
    acts = {
        "pause": suite().pause_migration,
        "resume": suite().resume_migration,
        "cancel": suite().cancel_migration,
        "switch": suite().switch_migration,
        "rollback": suite().rollback_migration,
        "purge": suite().purge_migration,
    }
    work = acts[name]
    tasks.begin(f"move:{move_id}", lambda _: work(move_id), name).wait(_PATIENCE)


# -- the report ------------------------------------------------------------------------------------------------------


def _report(move_id: str, report: ParityReport) -> None:
    said = "".join(f"<li>{safe.escape(sentence)}</li>" for sentence in in_words(report))
    with st.container(key=f"report_{move_id}", gap="small"):
        safe.show(f'<div class="cx-name">How the new model answers</div><ul class="cx-names">{said}</ul>')
        _changes(f"lost_{move_id}", "No longer among the first fifty", report.lost)
        _changes(f"won_{move_id}", "New among the first ten", report.won)


def in_words(report: ParityReport) -> Iterator[str]:
    """The figures of a report as sentences."""
    if not report.questions:
        yield "There was nothing to ask both models."
        return
    asked = wording.count(report.questions, "question")
    shares = [
        f"{share:.0%} of the first {'document' if depth == 1 else depth}" for depth, share in report.overlap.items()
    ]
    if shares:
        yield f"Asked {asked} by meaning alone, both models agree in {', '.join(shares)}."
    if report.rank_correlation is not None:
        tau = f"Kendall's tau {report.rank_correlation:.2f}; 1 is the same order"
        yield f"Their order of these agrees {_agreement(report.rank_correlation)} ({tau})."
    if report.ndcg_before is not None and report.ndcg_after is not None:
        gain = report.ndcg_after - report.ndcg_before
        word = "as good" if abs(gain) < 0.005 else "better" if gain > 0 else "worse"
        judged = wording.count(report.judged, "judged question")
        yield f"On {judged} the new model is {word}: nDCG@10 {report.ndcg_before:.3f} before, {report.ndcg_after:.3f} after."
    else:
        yield "No search is judged yet; thumbs on the search page would tell which model is better, not only how they differ."
    if not report.lost:
        yield "No document that stood among the first ten has gone from the first fifty."


def _agreement(tau: float) -> str:
    return "closely" if tau >= 0.8 else "largely" if tau >= 0.5 else "somewhat" if tau >= 0.2 else "hardly"


def _changes(key: str, title: str, changes: Sequence[tuple[str, str]]) -> None:
    if not changes:
        return
    rows = "".join(
        f'<tr><td class="here">{safe.escape(document)}</td><td>for “{safe.escape(question)}”</td></tr>'
        for question, document in changes
    )
    with st.expander(f"{title}: {wording.count(len(changes), 'document')}", type="compact", key=key):
        safe.show(f'<table class="cx-table wide"><tbody>{rows}</tbody></table>')


def earlier() -> None:
    """The moves that have ended, folded."""
    moves = [move for move in suite().migrations() if move.state in _ENDED]
    if not moves:
        return
    with st.expander(f"Earlier moves: {wording.number(len(moves))}", type="compact", key="earlier_moves"):
        for move in moves[:_EARLIER]:
            word, _ = _BADGES[move.state]
            line = f"{move.collection}: {_from_to(move)} · {word.lower()} {wording.when(move.updated)}"
            safe.show(f'<div class="cx-quiet">{safe.escape(line)}</div>')
