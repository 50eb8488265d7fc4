"""Dialogs about collections: make, rename and describe, merge, delete."""

from __future__ import annotations

import streamlit as st

from cortex_engine.core.app import Removal
from cortex_engine.core.collections import Collection, EmbeddingSpec
from cortex_engine.core.errors import CortexError
from cortex_ui import collections_state as state
from cortex_ui import model_choice, safe, wording
from cortex_ui.session import suite, told

_NAME_LENGTH, _DESCRIPTION_LENGTH = 200, 5000


def create() -> None:
    """Make a collection."""
    name = st.text_input("Name", max_chars=_NAME_LENGTH, key="create_name")
    description = st.text_area(
        "What it is for (optional)", max_chars=_DESCRIPTION_LENGTH, height=90, key="create_description"
    )
    target = model_choice.choose("Its model", "create_model", only_here=True, by_settings=_usual())
    spec = model_choice.spec(target) if target else None
    safe.show(f'<div class="cx-quiet">{safe.escape(_why_this_model(spec))}</div>')
    waits = bool(target) and spec is None
    if st.button("Make the collection", type="primary", disabled=waits, key="create_send"):
        with told():
            made = suite().create_collection(name, description, spec)
            state.done(f"The collection '{made.name}' is there. It uses {made.spec.model}.")


def _usual() -> str:
    try:
        return suite().default_spec().model
    except CortexError:
        return "cannot be had now"


def _why_this_model(chosen: EmbeddingSpec | None) -> str:
    """Which model the collection gets, and why."""
    try:
        spec = chosen or suite().default_spec()
    except CortexError as error:
        return str(error)
    packaged = "it comes with the suite"
    why = {"packaged": packaged, "hashing": "the settings say so (it is for tests)"}.get(
        spec.backend, "the settings name it"
    )
    why = "you chose it" if chosen else why
    reads = (
        "Text and pictures share its space." if spec.sees else "It reads text; pictures are found by the text in them."
    )
    return (
        f"It gets the model {spec.model} with {wording.number(spec.dimension)} dimensions, because {why}. {reads} A collection "
        "keeps its model, for vectors of different models cannot be compared; Maintenance can move it to another later."
    )


def edit(name: str) -> None:
    """Give another name, say what it is for."""
    collection = _collection(name)
    with st.form("edit_collection", border=False):
        new_name = st.text_input("Name", collection.name, max_chars=_NAME_LENGTH, key="edit_name")
        description = st.text_area(
            "What it is for", collection.description, max_chars=_DESCRIPTION_LENGTH, height=120, key="edit_description"
        )
        sent = st.form_submit_button("Save", type="primary", key="edit_send")
    if sent:
        with told():
            if description != collection.description:
                suite().describe_collection(name, description)
            if new_name != collection.name:
                collection = suite().rename_collection(name, new_name)
            if st.query_params.get("in") == name:
                st.query_params["in"] = collection.name
            renamed = f"'{name}' is now called '{collection.name}'." if collection.name != name else ""
            state.done(renamed or f"The description of '{name}' is saved.")


def merge(name: str) -> None:
    """Let the documents of collections join another."""
    names = state.names()
    sources = st.multiselect(
        "These collections",
        names,
        default=[name] if name in names else [],
        format_func=safe.one_line,
        key="merge_sources",
        placeholder="Choose collections",
    )
    left = [each for each in names if each not in sources]
    target = st.selectbox(
        "join this one",
        left,
        index=None,
        format_func=safe.one_line,
        key="merge_target",
        placeholder="Choose the collection that stays",
    )
    if sources and target:
        safe.show(f"<p>{safe.escape(_what_merging_does(sources, target))}</p>")
    if st.button("Merge", type="primary", disabled=not (sources and target), key="merge_send") and target:
        with told():
            merged = suite().merge_collections(sources, target)
            if st.query_params.get("in") in sources:
                st.query_params["in"] = merged.name
            state.done(
                f"Merged {wording.count(len(sources), 'collection')} into '{merged.name}', which now holds "
                f"{wording.count(merged.document_count, 'document')}."
            )


def _what_merging_does(sources: list[str], target: str) -> str:
    documents = wording.count(sum(_collection(each).document_count for each in sources), "document")
    listed = ", ".join(f"'{each}'" for each in sources)
    verb = "is" if len(sources) == 1 else "are"
    return f"{documents} of {listed} will belong to '{target}'; {listed} {verb} removed. No document is deleted."


def delete(name: str) -> None:
    """Remove a collection, after saying what goes with it."""
    removal = suite().collection_removal(name)
    safe.show(f"<p>{safe.escape(_what_deleting_does(name, removal))}</p>")
    show_names(removal)
    if st.button(_delete_label(removal), type="primary", icon=":material/delete:", key="delete_send"):
        with told():
            gone = suite().delete_collection(name)
            if st.query_params.get("in") == name:
                st.query_params.pop("in", None)
            state.done(f"The collection '{name}' is deleted, with {wording.count(len(gone), 'document')}.")


def _what_deleting_does(name: str, removal: Removal) -> str:
    parts = [f"The collection '{name}' goes."]
    if removal.count:
        parts.append(f"{what_goes(removal)} {'goes' if removal.count == 1 else 'go'} with it, for good.")
    else:
        parts.append("No document goes with it.")
    if removal.kept:
        stay = "stays" if removal.kept == 1 else "stay"
        parts.append(f"{wording.count(removal.kept, 'document')} {stay}: other collections hold them too.")
    return " ".join(parts)


def what_goes(removal: Removal) -> str:
    """ "12 documents with 240 passages (3.4 MB)"."""
    passages = wording.count(removal.passages, "passage")
    return f"{wording.count(removal.count, 'document')} with {passages} ({wording.size(removal.bytes)})"


def show_names(removal: Removal) -> None:
    """The documents that go, in a box that scrolls when they are many."""
    if not removal.deleted:
        return
    rows = [f"<li>{safe.escape(name)}</li>" for name in removal.deleted]
    if removal.count > len(removal.deleted):
        rows.append(f"<li>and {wording.number(removal.count - len(removal.deleted))} more</li>")
    with st.container(border=True, height=200 if len(rows) > 7 else "content", key="what_goes"):
        safe.show(f'<ul class="cx-quiet cx-names">{"".join(rows)}</ul>')


def _delete_label(removal: Removal) -> str:
    return f"Delete it and {wording.count(removal.count, 'document')}" if removal.count else "Delete the collection"


def _collection(name: str) -> Collection:
    return next(each for each in suite().collections() if each.name == name)
