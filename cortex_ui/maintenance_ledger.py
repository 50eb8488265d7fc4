"""The ledger: the account of each document, from its pages to the indexes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cortex_engine.core.reports import LedgerEntry
from cortex_ui import maintenance_inspector, safe, tasks, wording
from cortex_ui.session import suite

_ROWS = 25
_PAGES = {"text": "text", "ocr": "OCR", "blank": "blank", "failed": "failed"}


def draw() -> None:
    """The tab."""
    task = tasks.current("ledger", lambda _: suite().ledger(), maintenance_inspector.version())
    if tasks.follow(task, "Drawing up the accounts"):
        return
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
        return
    entries: list[LedgerEntry] = task.result
    if not entries:
        st.markdown("There are no documents yet. Each that is added gets an account here.")
        return
    wrong = [entry for entry in entries if not entry.balanced]
    _verdict(entries, len(wrong))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        only = st.toggle("Unbalanced only", key="ledger_unbalanced", disabled=not wrong and not _asked())
        name = st.text_input(
            "Find a document",
            placeholder="Find a document",
            label_visibility="collapsed",
            type="search",
            key="ledger_name",
            width=280,
        )
    _page(matching(wrong if only else entries, name))


def matching(entries: Sequence[LedgerEntry], name: str) -> list[LedgerEntry]:
    """Accounts of documents with these words in their name."""
    wanted = name.casefold().split()
    return [entry for entry in entries if all(word in entry.document.casefold() for word in wanted)]


def _asked() -> bool:
    return bool(st.session_state.get("ledger_unbalanced"))


def _verdict(entries: Sequence[LedgerEntry], wrong: int) -> None:
    with st.container(key="ledger_verdict"):
        if not wrong:
            st.success(
                f"**The accounts of {wording.count(len(entries), 'document')} balance.** Every character stands in a passage; "
                "every passage has its vectors and its entry in the word index.",
                icon=":material/verified:",
            )
            return
        verb = "account does" if wrong == 1 else "accounts do"
        st.warning(
            f"**{wording.number(wrong)} of {wording.number(len(entries))} {verb} not balance.** Health says why and can mend "
            "what is missing in the indexes; if it stays so, add the file again.",
            icon=":material/warning:",
        )


def _page(entries: Sequence[LedgerEntry]) -> None:
    if not entries:
        st.markdown("No account fits.")
        return
    pages = -(-len(entries) // _ROWS)
    page = min(st.session_state.get("ledger_page", 1), pages)
    shown = entries[(page - 1) * _ROWS : page * _ROWS]
    head = "".join(
        f'<th class="{css}">{name}</th>'
        for name, css in (
            ("Document", ""),
            ("Pages", ""),
            ("Characters", "number"),
            ("Passages", "number"),
            ("Vectors", "number"),
            ("Word index", "number"),
            ("Balance", ""),
        )
    )
    with st.container(border=True, key="ledger_rows"):
        rows = "".join(_row(entry) for entry in shown)
        safe.show(f'<table class="cx-table wide"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')
    if pages > 1:
        st.pagination(pages, key="ledger_page")


def _row(entry: LedgerEntry) -> str:
    failures = "".join(f'<div class="cx-quiet">{safe.escape(each)}</div>' for each in entry.failures[:5])
    if len(entry.failures) > 5:
        failures += f'<div class="cx-quiet">and {wording.count(len(entry.failures) - 5, "page")} more</div>'
    balance = '<span class="cx-chip good">balanced</span>' if entry.balanced else _difference(entry)
    return (
        f'<tr><td><span class="cx-name">{safe.escape(entry.document)}</span>{failures}</td><td>{_pages(entry)}</td>'
        f"{_number(entry.characters, 'characters')}{_number(entry.chunks, 'passages')}"
        f"{_number(entry.vectors, 'vectors')}{_number(entry.lexical, 'in the word index')}<td>{balance}</td></tr>"
    )


def _number(value: int, what: str) -> str:
    """A figure; what it counts stands beside it where the table has no head (on a phone)."""
    return f'<td class="number">{wording.number(value)}<span class="unit"> {what}</span></td>'


def _pages(entry: LedgerEntry) -> str:
    counts = [f"{count} {_PAGES.get(state, state)}" for state, count in entry.pages.items() if count]
    return safe.escape(", ".join(counts)) or "none"


def _difference(entry: LedgerEntry) -> str:
    """What is missing, in words."""
    missing = []
    if lost := entry.characters - entry.characters_embedded:
        missing.append(f"{wording.count(lost, 'character')} in no passage")
    if lost := entry.chunks - entry.vectors:
        missing.append(f"{wording.count(lost, 'vector')} missing")
    if lost := entry.chunks - entry.lexical:
        missing.append(f"{wording.count(lost, 'entry')} of the word index missing")
    return "".join(f'<div><span class="cx-chip fair">{safe.escape(each)}</span></div>' for each in missing)
