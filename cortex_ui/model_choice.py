"""Which embedding model, and what it costs here: the box to choose one in, and its plan, worked out beside the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.planning import ModelChoice, ModelPlan
from cortex_ui import safe, style, tasks, wording
from cortex_ui.session import suite

BY_SETTINGS = ""
"""Stands for the model that the settings name."""

_CSS = """
.cx-plan { display: grid; grid-template-columns: repeat(auto-fill, minmax(118px, 1fr)); gap: 0.6rem 1rem; }
.cx-plan div { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; font-size: 0.95rem; }
.cx-plan div span { display: block; color: #5b6478; font-size: 0.84rem; }
.cx-plan .no { color: #b42318; font-weight: 500; }
.cx-remarks { margin: 0.3rem 0 0; padding-left: 1.1rem; color: #5b6478; font-size: 0.88rem; overflow-wrap: anywhere; }
"""
_DARK = ".cx-plan div span, .cx-remarks { color: #9aa4ba; } .cx-plan .no { color: #ff8b81; }"


def choices(only_here: bool = False) -> dict[str, ModelChoice]:
    """Target -> model, those of the settings first."""
    return {each.target: each for each in suite().model_choices() if each.here or not only_here}


def choose(label: str, key: str, only_here: bool = False, by_settings: str = "") -> str:
    """The box to choose a model in; what it does not list is typed.

    Args:
        by_settings: how the model of the settings is called; it stands first then and gives `BY_SETTINGS`.
    """
    known = choices(only_here)
    listed = [*([BY_SETTINGS] if by_settings else []), *known]
    chosen = st.selectbox(
        label,
        listed,
        format_func=_names(known, by_settings),
        accept_new_options=True,
        placeholder="Choose a model, or type one",
        help="One that is not listed is typed as its kind and its folder or Hub name: qwen3_vl:/models/mine, "
        "qwen3_vl:NAME@1024 for shorter vectors, or sentence_transformer:BAAI/bge-m3.",
        key=key,
        persist_state="session",
    )
    target = (chosen or BY_SETTINGS).strip()
    if note := known[target].note if target in known else "":
        safe.show(f'<div class="cx-quiet">{safe.escape(note)}</div>')
    return target


def _names(known: dict[str, ModelChoice], by_settings: str) -> Callable[[str], str]:
    def name(target: str) -> str:
        if target == BY_SETTINGS:
            return f"As the settings say: {safe.one_line(by_settings)}"
        if target not in known:
            return safe.one_line(target)
        choice = known[target]
        return safe.one_line(short(choice.name)) + ("" if choice.here else " (not on this computer)")

    return name


def short(name: str) -> str:
    """The folder's own name, or a Hub name without its owner."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2] or name


def spec(target: str) -> EmbeddingSpec | None:
    """The model that a target names; None while its weights are read for the first time, or where there is none.

    What is wrong is told here. Reading gigabytes to know them again takes seconds, so it is done beside the page.
    """
    task = tasks.current(f"spec:{target}", lambda _: suite().spec_of(target), target)
    if tasks.follow(task, "Reading the model"):
        return None
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
        tasks.forget(task)  # asked again, somebody may have mended it
        return None
    found: EmbeddingSpec = task.result
    return found


def plan(place: str, target: str, collection: str = "") -> ModelPlan | None:
    """What a model entails for a collection, or for the library; None while it is worked out, or where it cannot be.

    Args:
        place: where on the screen it stands; a word of ours.
    """
    loaded = tuple((each.model_id, each.state) for each in suite().model_statuses())
    about = (target, collection, suite().counts(), loaded)

    def work(_: tasks.Task) -> ModelPlan:
        return suite().plan_migration(collection, target) if collection else suite().plan_model(target)

    task = tasks.current(f"plan_{place}:{target}:{collection}", work, about)
    if tasks.follow(task, "Working out what it takes"):
        return None
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
        return None
    found: ModelPlan = task.result
    return found


def measure(place: str, target: str) -> None:
    """A button that loads the model, so that its time can be measured; draw it where the plan knows no time."""
    task = tasks.find(f"measure_{place}:{target}")
    if task is not None and tasks.follow(task, "Loading the model"):
        return
    if task is not None and task.error:
        st.error(safe.label(task.error), icon=":material/error:")
    st.button(
        "Load it and measure the time",
        type="tertiary",
        icon=":material/timer:",
        key=f"measure_{place}",
        on_click=_measure,
        args=(place, target),
    )


def _measure(place: str, target: str) -> None:
    tasks.begin(f"measure_{place}:{target}", lambda _: suite().load_model(target)).wait(0.3)


def draw(found: ModelPlan) -> None:
    """A plan as figures, with what there is to remark."""
    style.add(_CSS + (_DARK if st.context.theme.type == "dark" else ""))
    cells = "".join(
        f'<div class="{tone}"><span>{safe.escape(name)}</span>{safe.escape(value)}</div>'
        for name, value, tone in _cells(found)
    )
    remarks = "".join(f"<li>{safe.escape(note)}</li>" for note in found.notes)
    safe.show(f'<div class="cx-plan">{cells}</div>' + (f'<ul class="cx-remarks">{remarks}</ul>' if remarks else ""))


def _cells(found: ModelPlan) -> Sequence[tuple[str, str, str]]:
    """Name, value and tone of each figure."""
    where = f" on {found.device}" if found.device else ""
    memory = f"{wording.size(found.memory_bytes)}{where}" if found.memory_bytes else f"little{where}"
    fit = ("It fits", "yes", "") if found.fits else ("It fits", "no, not now", "no")
    return (
        ("To download", wording.size(found.download_bytes) if found.download_bytes else "nothing", ""),
        ("Memory", memory, ""),
        fit,
        ("Time it takes", "not known yet" if found.seconds is None else wording.duration(found.seconds), ""),
        ("Its vectors on disk", wording.size(found.disk_bytes), ""),
        ("Dimensions", wording.number(found.dimension) if found.dimension else "not known yet", ""),
        ("Reads", found.facts.get("Reads", ""), ""),
    )


def inputs(passages: int, pictures: int) -> str:
    """ "31 passages", "31 passages and 4 pictures"."""
    return (
        f"{wording.count(passages, 'passage')} and {wording.count(pictures, 'picture')}"
        if pictures
        else wording.count(passages, "passage")
    )
