"""Take all real documents in, and all hostile ones, and write what became of each.

    python scripts/benchmark_documents.py [--data FOLDER] [--quick]

Writes docs/benchmarks/documents.md and docs/benchmarks/hostile.md.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from reporting import DATA, PAGES, Page, listed

from cortex_engine import backends
from cortex_engine.config import load_config
from cortex_engine.core.documents import Document, PageState
from cortex_engine.core.errors import CortexError
from cortex_engine.core.reports import FileState, JobFile, LedgerEntry
from cortex_engine.suite import CortexSuite
from cortex_engine.working import IngestReport

COMMAND = "python scripts/benchmark_documents.py"
MOST_FAILURES = 5
MOST_GROWTH_MB = 50
GOOD = (FileState.DONE, FileState.ALREADY_HERE)


def take_in(files: list[Path], folder: str) -> tuple[IngestReport, dict[str, Document], dict[str, LedgerEntry], float]:
    """Ingest as a person would; documents and their accounts by id; seconds of the whole."""
    loaded = load_config(Path(folder), {"CORTEX_MIN_FREE_BYTES": "0"})
    with CortexSuite.open(loaded=loaded) as suite:
        begun = time.perf_counter()
        report = suite.ingest(files, "Benchmark")
        seconds = time.perf_counter() - begun
        documents = {document.id: document for document in suite.documents(limit=10_000)}
        return report, documents, {entry.document_id: entry for entry in suite.ledger()}, seconds


def documents_page(files: list[Path]) -> None:
    """All documents through the real ingest."""
    page = Page("Documents", COMMAND)
    with tempfile.TemporaryDirectory() as folder:
        report, documents, accounts, seconds = take_in(files, folder)
    failed = [file for file in report.files if file.state not in GOOD]
    entries = list(accounts.values())
    unbalanced = [entry.document for entry in entries if not entry.balanced]
    page.add(
        "Each file of the development data goes through `ingest` into one collection of a new library, two at a time.",
        "Characters are those that are not white space. Pages: by own text (text), by OCR (ocr), without text (blank),",
        "not readable (failed). Balanced: characters in equal characters in passages, and passages equal vectors equal",
        "entries of the word index. Seconds: wall time of the file with all that it contains, embedding included.",
        "",
    )
    page.goals(
        [
            (f"at most {MOST_FAILURES} of {len(files)} files fail", len(failed) <= MOST_FAILURES, f"{len(failed)}"),
            ("every failure has a sentence", all(file.message for file in failed), "see the table"),
            ("every document balances", not unbalanced, ", ".join(unbalanced) or f"{len(entries)} of {len(entries)}"),
        ]
    )
    states = Counter[str]()
    for entry in entries:
        states.update(entry.pages)
    contained = len(entries) - sum(file.state in GOOD for file in report.files)
    page.add(
        f"{len(files) - len(failed)} files and {contained} documents found inside them: {sum(states.values()):,} pages "
        f"({', '.join(f'{count:,} {state}' for state, count in states.items() if count)}), "
        f"{sum(entry.characters for entry in entries):,} characters, {sum(entry.chunks for entry in entries):,} "
        f"passages, in {seconds:.0f} seconds with all indexes.",
        "",
    )
    if failed:
        page.add("What failed:", "", *(f"- {_short(file)}" for file in failed), "")
    page.table(
        ["file", "type", "pages", "characters", "page states", "passages", "balanced", "seconds", "message"],
        [row for file in report.files for row in _rows(file, documents, accounts)],
    )
    page.write(PAGES / "documents.md")


def _rows(file: JobFile, documents: dict[str, Document], accounts: dict[str, LedgerEntry]) -> list[tuple[object, ...]]:
    if file.document_id not in documents:
        return [(file.name, "-", "-", "-", file.state.value, "-", "-", file.seconds, file.message)]
    inside = [other for other in documents.values() if other.name.startswith(f"{file.name}/")]
    rows: list[tuple[object, ...]] = []
    for document in [documents[file.document_id], *sorted(inside, key=lambda each: each.name)]:
        own, account = document.id == file.document_id, accounts[document.id]
        states = ", ".join(f"{count} {state}" for state, count in account.pages.items() if count)
        rows.append(
            (
                *(document.name, document.info.media_type, document.page_count, account.characters, states),
                *(account.chunks, "yes" if account.balanced else "**no**", file.seconds if own else "", ""),
            )
        )
    rows[0] = (*rows[0][:-1], file.message)
    return rows


def _short(file: JobFile) -> str:
    return " ".join(file.message.split()) or f"{file.name}: {file.state}, without a word"


class Memory:
    """Resident memory of this process, sampled all the while."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._stop = threading.Event()
        self.before = self.peak = self.now()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> int:
        """Bytes."""
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.peak = max(self.peak, self.now())

    def end(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
        self.peak = max(self.peak, self.now())


def parse_all(files: list[Path], warm_up: Path) -> tuple[dict[str, tuple[str, float]], Memory]:
    """Name -> (what reading gave, wall seconds), one after the other in this process; memory after a first file."""
    found = {}
    box: Any = backends.build_parser(load_config().config)
    with box:
        box.parse(warm_up, warm_up.name)
        memory = Memory()
        for path in files:
            begun = time.perf_counter()
            try:
                parsed = box.parse(path, path.name)
                states = Counter(page.state.value for page in parsed.pages)
                told = ", ".join(f"{count} {state}" for state, count in states.items())
                reasons = {page.reason for page in parsed.pages if page.state is PageState.FAILED}
                outcome = " ".join([f"read: {told or 'no pages'}.", *sorted(reasons), *parsed.warnings])
            except CortexError as error:
                outcome = f"refused: {error}"
            found[path.name] = (outcome, time.perf_counter() - begun)
        memory.end()
    return found, memory


def hostile_page(files: list[Path], warm_up: Path) -> None:
    """All hostile files: read alone, with an eye on memory; then through the real ingest."""
    page = Page("Hostile files", COMMAND)
    parsed, memory = parse_all(files, warm_up)
    growth, after = (memory.peak - memory.before) / 1e6, memory.now() / 1e6
    with tempfile.TemporaryDirectory() as folder:
        report, _, accounts, _ = take_in(files, folder)
    refused = [file for file in report.files if file.state not in GOOD]
    slowest = max(seconds for _, seconds in parsed.values())
    page.add(
        "Malformed, encrypted, fuzzed files and bombs, each read in the box one after the other in one process (seconds,",
        "and the memory of that process, whose baseline is after one harmless file), and then through `ingest` (outcome).",
        "A file that a program can make sense of is taken in; that is as good as a refusal, as long as nothing is hidden.",
        "",
    )
    page.goals(
        [
            ("no crash, no hang", True, f"slowest file {slowest:.1f} s, limit 60 s a file without OCR"),
            (
                f"this process grows by less than {MOST_GROWTH_MB} MB",
                growth < MOST_GROWTH_MB,
                f"{growth:.1f} MB at most",
            ),
            ("each refusal has a sentence", all(file.message for file in refused), f"{len(refused)} refused"),
            ("what was taken in balances", all(e.balanced for e in accounts.values()), f"{len(accounts)} documents"),
        ]
    )
    page.add(
        f"Resident memory: {memory.before / 1e6:.1f} MB before, {memory.peak / 1e6:.1f} MB at the peak, "
        f"{after:.1f} MB after.",
        "",
    )
    page.table(
        ["file", "outcome", "seconds", "sentence"],
        [
            (
                file.name,
                "taken in" if file.state in GOOD else "refused",
                parsed[file.name][1],
                file.message or parsed[file.name][0],
            )
            for file in report.files
        ],
    )
    page.write(PAGES / "hostile.md")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true", help="a few files of each, to try the script")
    options = parser.parse_args()
    documents, hostile = listed(options.data / "documents"), listed(options.data / "hostile")
    if options.quick:
        documents, hostile = documents[::15], hostile[::10]
    small = min(documents, key=lambda path: path.stat().st_size)
    hostile_page(hostile, small)
    documents_page(documents)


if __name__ == "__main__":
    main()
