"""Re-embed a collection with another model: which, what it takes, begin."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.planning import ModelPlan
from cortex_ui import model_choice, safe, tasks, wording
from cortex_ui.session import suite

COLLECTION = "reembed_collection"
_PATIENCE = 1.0


def draw() -> None:
    """The form; nothing where no collection can be moved."""
    moving = {each.collection for each in suite().migrations(open_only=True)}
    names = [each.name for each in suite().collections() if each.name not in moving]
    if not names:
        return
    st.subheader("Move a collection to another model", anchor=False)
    st.markdown(
        ":gray[Its passages and pictures are embedded anew from what the library keeps; no file is read again. Searches go on "
        "with the present model until you switch, and you can go back.]"
    )
    with st.container(border=True, key="reembed", gap="small"):
        with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
            with st.container(width=320):
                collection = _collection(names)
            with st.container(width=420):
                target = model_choice.choose("To the model", "reembed_target")
        if collection and target:
            _plan(collection, target)


def _collection(names: list[str]) -> str:
    chosen = st.selectbox("Collection", names, format_func=safe.one_line, key=COLLECTION, persist_state="session")
    if not chosen:
        return ""
    spec = next(each.spec for each in suite().collections() if each.name == chosen)
    safe.show(
        f'<div class="cx-quiet">Now {safe.escape(spec.model)}, {wording.number(spec.dimension)} dimensions.</div>'
    )
    return str(chosen)


def _plan(collection: str, target: str) -> None:
    begun = tasks.find(f"begin_move:{collection}")
    if begun is not None and tasks.follow(begun, "Preparing the move"):
        return
    if (plan := model_choice.plan("move", target, collection)) is None:
        return
    model_choice.draw(plan)
    if begun is not None and begun.error and begun.about == target:
        st.error(safe.label(begun.error), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            safe.label(label(plan)),
            type="primary",
            icon=":material/move_up:",
            disabled=not plan.passages + plan.pictures,
            key="reembed_begin",
            on_click=_begin,
            args=(collection, target),
        )
        if plan.seconds is None and not plan.download_bytes:
            model_choice.measure("move", target)


def label(plan: ModelPlan) -> str:
    """ "Re-embed 31 passages and 4 pictures with X (about 2 minutes)"."""
    sees = "picture" in plan.facts.get("Reads", "")
    pictures = plan.pictures if sees else 0
    if not plan.passages + pictures:  # pictures alone, and a model that reads text only
        return f"Move it to {model_choice.short(plan.name)}"
    what = model_choice.inputs(plan.passages, pictures)
    time = f" ({wording.duration(plan.seconds)})" if plan.seconds is not None else ""
    return f"Re-embed {what} with {model_choice.short(plan.name)}{time}"


def _begin(collection: str, target: str) -> None:
    tasks.begin(f"begin_move:{collection}", lambda _: suite().start_migration(collection, target), target).wait(
        _PATIENCE
    )
