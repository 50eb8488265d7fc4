"""What can be done to selected documents, and the dialogs that do it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.documents import Document
from cortex_engine.core.search import Filters
from cortex_ui import collections_dialogs as dialogs
from cortex_ui import collections_state as state
from cortex_ui import drawer, safe, wording
from cortex_ui.collections_state import Listing
from cortex_ui.session import suite, told


def actions(listing: Listing) -> None:
    """The row of buttons above the table."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key="document_actions"):
        if not listing.selected:
            st.markdown(":gray[Tick documents to change them.]", width="content")
            with st.container(width=1):
                st.space(35)  # as high as the buttons: nothing moves when the first document is ticked
            return
        st.markdown(f"**{wording.number(listing.count)} selected**", width="content")
        if listing.count == 1:
            _button("Open", "open_in_full", drawer.open_document, listing.selected[0])
            _button("Details", "edit", state.open_dialog, "details", listing.collection, listing.selected)
        _button("Tags", "sell", _with, "tags", listing)
        _button("Copy", "content_copy", _with, "copy", listing)
        if listing.collection:
            _button("Move", "drive_file_move", _with, "move", listing)
            _button("Remove", "remove_circle", _with, "remove", listing)
        _button("Delete", "delete", _with, "delete_documents", listing)


def _button(label: str, icon: str, call: object, *args: object) -> None:
    st.button(
        label,
        type="tertiary",
        icon=f":material/{icon}:",
        on_click=call,  # type: ignore[arg-type]
        args=args,
        key=f"selected_{label.lower()}",
    )


def _with(kind: str, listing: Listing) -> None:
    state.open_dialog(kind, listing.collection, listing.ids())


def tags(ids: Sequence[str]) -> None:
    """Add and remove tags."""
    known = list(suite().facets().tags)
    theirs = list(suite().facets(Filters(documents=tuple(ids))).tags)
    added = st.multiselect(
        "Add tags",
        known,
        format_func=safe.one_line,
        accept_new_options=True,
        placeholder="Choose tags or type new ones",
        key="tags_add",
    )
    removed = st.multiselect(
        "Take tags away",
        theirs,
        format_func=safe.one_line,
        disabled=not theirs,
        placeholder="Choose tags" if theirs else "These documents have no tags",
        key="tags_remove",
    )
    if st.button("Save", type="primary", disabled=not (added or removed), key="tags_send"):
        with told():
            if added:
                suite().add_tags(ids, added)
            if removed:
                suite().remove_tags(ids, removed)
            state.done(_tagged(len(ids), added, removed))


def _tagged(count: int, added: Sequence[str], removed: Sequence[str]) -> str:
    documents = wording.count(count, "document")
    parts = [f"added {', '.join(added)}"] if added else []
    parts += [f"took away {', '.join(removed)}"] if removed else []
    return f"Tags of {documents}: {' and '.join(parts)}."


def place(kind: str, ids: Sequence[str], source: str) -> None:
    """Copy or move documents to another collection."""
    targets = [name for name in state.names() if name != source]
    if not targets:
        st.markdown("There is no other collection. Make one first.")
        return
    target = st.selectbox(
        "To the collection",
        targets,
        index=None,
        format_func=safe.one_line,
        placeholder="Choose a collection",
        key="place_target",
    )
    documents = wording.count(len(ids), "document")
    they = "It" if len(ids) == 1 else "They"
    if kind == "move":
        text = f"{they} will belong to the other collection instead of '{source}'. Nothing is deleted."
    else:
        text = f"{they} will belong to both; the file is kept once."
    if target and _other_model(target, source):
        text += f" {what_is_embedded(ids, target)}"
    safe.show(f'<div class="cx-quiet">{safe.escape(text)}</div>')
    if st.button(kind.capitalize(), type="primary", disabled=not target, key="place_send") and target:
        with told():
            if kind == "move":
                suite().move_documents(ids, source, target)
                state.done(f"Moved {documents} from '{source}' to '{target}'.")
            suite().add_to_collection(target, ids)
            state.done(f"Copied {documents} to '{target}'.")


def what_is_embedded(ids: Sequence[str], target: str) -> str:
    """What it means that the other collection has another model, in a sentence."""
    spec = next(each.spec for each in suite().collections() if each.name == target)
    documents = wording.count(len(ids), "document")
    if spec.sees:
        return (
            f"'{target}' has another model, {spec.model}, which reads text and pictures: passages, pictures and pages of "
            f"{documents} are embedded with it, which takes a while."
        )
    pictures = sum(bool(suite().document(each).info.media_type == "image") for each in ids)
    lost = " It reads text only: pictures are then found by the text in them." if pictures else ""
    return (
        f"'{target}' has another model, {spec.model}: the passages of {documents} are embedded with it, which takes a "
        f"while.{lost}"
    )


def _other_model(target: str, source: str) -> bool:
    models = {collection.name: collection.spec.id for collection in suite().collections()}
    return bool(source) and models.get(target) != models.get(source)


def remove(ids: Sequence[str], collection: str) -> None:
    """Take documents out of a collection; those that are in no other go altogether."""
    found = [suite().document(each) for each in ids]
    last = [document.id for document in found if document.collections == (collection,)]
    removal = suite().documents_removal(last)
    safe.show(f"<p>{safe.escape(_what_removing_does(found, len(last), collection))}</p>")
    if last:
        safe.show(f"<p>{safe.escape(dialogs.what_goes(removal))}:</p>")
        dialogs.show_names(removal)
    label = f"Remove, and delete {wording.count(removal.count, 'document')}" if last else "Remove"
    if st.button(label, type="primary", key="remove_send"):
        with told():
            gone = suite().remove_from_collection(collection, ids)
            deleted = (
                f" {wording.count(len(gone), 'document')} deleted, for no other collection held them." if gone else ""
            )
            state.done(f"Removed {wording.count(len(ids), 'document')} from '{collection}'.{deleted}")


def _what_removing_does(found: Sequence[Document], last: int, collection: str) -> str:
    documents = wording.count(len(found), "document")
    if not last:
        stay = "It stays" if len(found) == 1 else "They stay"
        return f"{documents} will no longer belong to '{collection}'. {stay} in other collections."
    if last == len(found):
        no_other = "it is in no other collection and will be" if last == 1 else "they are in no other and will be"
        return f"{documents} will no longer belong to '{collection}'; {no_other} deleted for good."
    are = "is in no other collection and will" if last == 1 else "are in no other collection and will"
    return f"{documents} will no longer belong to '{collection}'. {wording.number(last)} of them {are} be deleted for good."


def delete(ids: Sequence[str]) -> None:
    """Delete documents everywhere, after saying what exactly goes."""
    removal = suite().documents_removal(ids)
    contained = removal.count - len(ids)
    more = f" {wording.count(contained, 'document')} of these came inside of the others." if contained > 0 else ""
    kept = ""
    if removal.kept:
        verb = "stays" if removal.kept == 1 else "stay"
        kept = f" {wording.count(removal.kept, 'contained document')} {verb}: other places hold them too."
    goes = "goes" if removal.count == 1 else "go"
    text = f"{dialogs.what_goes(removal)} {goes} for good, from every collection.{more}{kept}"
    safe.show(f"<p>{safe.escape(text)}</p>")
    dialogs.show_names(removal)
    label = f"Delete {wording.count(removal.count, 'document')}"
    if st.button(label, type="primary", icon=":material/delete:", key="delete_documents_send"):
        with told():
            gone = suite().delete_documents(ids)
            state.done(f"Deleted {wording.count(len(gone), 'document')}.")
