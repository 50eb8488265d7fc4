"""One row for each setting: what it does, where its value comes from, what changing it costs, and the field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from cortex_engine.config import SettingState
from cortex_ui import safe, settings_models, wording
from cortex_ui import settings_values as values

_BADGES: dict[str, tuple[str, Literal["gray", "blue", "orange"]]] = {
    "default": ("Default", "gray"),
    "file": ("File", "blue"),
    "environment": ("Environment", "orange"),
    "command line": ("Command line", "orange"),
}
_CODE = re.compile("`([^`]*)`")
_OFFLINE = "CORTEX_OFFLINE, HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE"
_SEEN = "settings_seen"
_AS_IT_IS, _THIS_TEXT = "Left to the model", "This text"


def draw(states: list[SettingState]) -> None:
    """The settings by group."""
    for group in dict.fromkeys(state.group for state in states):
        st.subheader(group)
        with st.container(border=True, gap="medium", key=f"group_{group.lower().replace('-', '_')}"):
            settings_models.draw(group)
            for state in states:
                if state.group == group:
                    if section := settings_models.section(state.key):
                        safe.show(f'<h3 class="cx-heading">{safe.escape(section)}</h3>')
                    _row(state)


def meets(state: SettingState, words: list[str]) -> bool:
    """Whether all words stand in what the page says of a setting."""
    parts = (state.key, values.title(state.key), state.description, state.cost, state.env, state.group, state.source)
    text = " ".join(parts).casefold()
    return all(word in text for word in words)


def _row(state: SettingState) -> None:
    with st.container(key=f"row_{state.key}"):
        about, field = st.columns([3, 2], gap="medium", vertical_alignment="top")
        with about:
            _about(state)
        with field:
            _field(state)


def _about(state: SettingState) -> None:
    word, colour = _BADGES[state.source]
    st.markdown(f"**{safe.label(values.title(state.key))}** :{colour}-badge[{word}]")
    description = _CODE.sub(r"<code>\1</code>", safe.escape(state.description))
    lines = [f"<div>{description}</div>"]
    if state.cost:
        lines.append(f'<div class="cx-quiet"><strong>When changed:</strong> {safe.escape(state.cost)}</div>')
    facts = [f"Default: {_in_words(state.key, state.default)}", *_limits(state.key)]
    names = f"<code>{safe.escape(state.key)}</code> <code>{safe.escape(state.env)}</code>"
    lines.append(f'<div class="cx-quiet">{safe.escape(" · ".join(facts))}</div><div class="cx-quiet">{names}</div>')
    safe.show(f'<div class="cx-setting">{"".join(lines)}</div>')


def _in_words(key: str, value: object) -> str:
    if value is None:
        return "left to the model"
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == "":
        return "empty"
    if isinstance(value, int | float):
        return wording.size(int(value)) if key.endswith("_bytes") else f"{value:,.10g}"
    home = str(Path.home())
    text = str(value)
    return text.replace(home, "~", 1) if text.startswith(home) else text


def _limits(key: str) -> list[str]:
    low, high = values.limits(key)
    if high is not None:
        return [f"{_in_words(key, low or 0)} to {_in_words(key, high)}"]
    return [f"at least {_in_words(key, low)}"] if low and low > 1 else []


def _field(state: SettingState) -> None:
    key, fixed = f"setting_{state.key}", values.read_only(state)
    _follow(state, key)
    wrong = values.error(state.key)
    _widget(state, key, fixed)
    if state.key.endswith("_bytes") and isinstance(st.session_state.get(key), int):
        safe.show(f'<div class="cx-quiet">{wording.size(st.session_state[key])}</div>')
    if wrong:
        st.markdown(f":red[:material/error: Not saved. {safe.label(wrong)}]")
    if state.source == "file" or wrong:
        st.button(
            "Back to the default" if state.source == "file" else "Take it back",
            type="tertiary",
            icon=":material/undo:",
            on_click=values.put_back,
            args=(state.key,),
            key=f"reset_{state.key}",
        )
    if state.source == "environment":
        variable = _OFFLINE if state.key == "offline" else state.env
        safe.show(f'<div class="cx-quiet">The variable {safe.escape(variable)} decides; change it there.</div>')
    elif fixed:
        safe.show('<div class="cx-quiet">Given when the program was started; change it there.</div>')


def _follow(state: SettingState, key: str) -> None:
    """Put a value into the field when it is drawn first or was changed elsewhere.

    Not with every run: a run that began before somebody typed would take away what was typed.
    """
    seen: dict[str, object] = st.session_state.setdefault(_SEEN, {})
    kept = str(state.value) if isinstance(state.value, Path) else state.value
    value, moved = kept, state.key not in seen or seen[state.key] != kept
    if _in_two_parts(state.key):
        if f"{key}_kind" not in st.session_state or moved:
            st.session_state[f"{key}_kind"] = _AS_IT_IS if kept is None else _THIS_TEXT
        value = kept or ""
    if key not in st.session_state:
        values.forget_error(state.key)
        st.session_state[key] = value
    elif moved and not values.error(state.key) and st.session_state[key] != value:
        st.session_state[key] = value
    seen[state.key] = kept


def _is_new(name: str, value: object) -> bool:
    """Whether a field holds something else than was put into it.

    Fields that come and go with the search report their old value as a change now and then; that must not be written.
    """
    if value != st.session_state.get(_SEEN, {}).get(name):
        return True
    values.forget_error(name)
    return False


def _in_two_parts(key: str) -> bool:
    """Text that may also be left to the program: nothing and empty are different things."""
    return values.kind(key) == "text" and values.may_be_null(key)


def _widget(state: SettingState, key: str, fixed: bool) -> None:
    name, label = state.key, values.title(state.key)
    common: dict[str, Any] = {"key": key, "disabled": fixed, "on_change": _changed, "args": (name, key)}
    common["persist_state"] = "page"  # a value that was refused stays, also while the search hides its field
    kind = values.kind(name)
    if kind == "switch":
        st.toggle("On" if state.value else "Off", **common)
    elif kind == "choice":
        options = list(values.choices(name))
        st.selectbox(label, options, label_visibility="collapsed", **common)
    elif kind in {"whole", "number"}:
        whole = kind == "whole"
        step = 1 if whole else 0.05 if values.limits(name)[1] == 1 else 0.5
        st.number_input(
            label,
            value=None if values.may_be_null(name) else "min",
            step=step,
            format="%d" if whole else "%g",
            placeholder="Left to the model" if values.may_be_null(name) else None,
            label_visibility="collapsed",
            **common,
        )
    elif _in_two_parts(name):
        _text_or_nothing(state, key, fixed)
    else:
        st.text_input(label, label_visibility="collapsed", **common)


def _text_or_nothing(state: SettingState, key: str, fixed: bool) -> None:
    chosen = f"{key}_kind"
    st.segmented_control(
        values.title(state.key),
        [_AS_IT_IS, _THIS_TEXT],
        required=True,
        label_visibility="collapsed",
        disabled=fixed,
        on_change=_kind_changed,
        args=(state.key, chosen),
        key=chosen,
        persist_state="page",
    )
    if st.session_state[chosen] == _THIS_TEXT:
        st.text_input(
            values.title(state.key),
            label_visibility="collapsed",
            placeholder="Empty: no text is put before",
            disabled=fixed,
            on_change=_changed,
            args=(state.key, key),
            key=key,
            persist_state="page",
        )


def _kind_changed(name: str, key: str) -> None:
    if st.session_state[key] == _THIS_TEXT:
        if _is_new(name, "") and st.session_state.get(_SEEN, {}).get(name) is None:
            values.save(name, "")
    elif _is_new(name, None):
        values.put_back(name)


def _changed(name: str, key: str) -> None:
    value = st.session_state[key]
    if not _is_new(name, value):
        return
    if value is None and not values.may_be_null(name):
        values.put_back(name)
    else:
        values.save(name, value)
