"""Pages per CPU-second of each stage of ingest over the real documents, beside named peers in the same run.

    python scripts/benchmark_ingest.py [--data FOLDER] [--quick]

Writes docs/benchmarks/ingest.md.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reporting import DATA, PAGES, Page, listed

from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.config import load_config
from cortex_engine.core import identifiers
from cortex_engine.core.documents import Chunk, ParsedDocument
from cortex_engine.core.errors import CortexError
from cortex_engine.core.protocols import Chunker, Embedder
from cortex_engine.core.records import PreparedDocument
from cortex_engine.library import Library

COLLECTION = "Benchmark"
STAGES = ("parse", "ocr", "decode", "chunk", "embed", "commit", "index")
OURS = ("decode", "chunk", "commit", "index")
SLOWEST = 8
SAMPLE = 400
"""Passages that both embedders compute."""


@dataclass(slots=True)
class Account:
    """CPU-seconds of one document by stage."""

    name: str
    pages: int = 0
    text_pages: int = 0
    passages: int = 0
    characters: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))


class Line:
    """The steps of the document line one by one, in one thread, with the clock of this process around each."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._collection = library.collection(COLLECTION)
        self._spec = self._collection.spec
        self._embedder: Embedder = library.embedder(self._spec)
        self._chunker: Chunker = library.chunker(self._spec)
        self._embedder.embed_documents(["what is loaded once does not count"])
        self.accounts: list[Account] = []
        self.passages: list[Chunk] = []
        self.failures: list[str] = []

    def take(self, path: Path, name: str, parent: str = "", depth: int = 0) -> None:
        """One file and what it contains; a file that cannot be read is noted."""
        account = Account(name)
        begun = time.process_time()
        try:
            parsed = self._library.parser.parse(path, name)
        except CortexError as error:
            self.failures.append(str(error))
            return
        account.seconds["decode"] = time.process_time() - begun
        account.seconds |= dict(parsed.seconds)
        sha256, size = self._library.blobs.put(path)
        key = self._commit(account, parsed, sha256, size, parent)
        self.accounts.append(account)
        for attachment in parsed.attachments if depth < 2 else ():
            with tempfile.NamedTemporaryFile() as file:
                file.write(attachment.data)
                file.flush()
                self.take(Path(file.name), f"{name}/{attachment.name}", key, depth + 1)

    def _commit(self, account: Account, parsed: ParsedDocument, sha256: str, size: int, parent: str) -> str:
        key = identifiers.document_id(sha256)
        chunks = clocked(account, "chunk", lambda: self._chunker.split(key, parsed))
        vectors = clocked(
            account, "embed", lambda: self._embedder.embed_documents([chunk.embedded_text for chunk in chunks])
        )
        prepared = PreparedDocument(
            sha256, account.name, size, parsed, chunks, {self._spec.id: vectors}, "benchmark", parent
        )
        clocked(account, "commit", lambda: self._library.catalog.commit(prepared, COLLECTION))
        clocked(account, "index", lambda: self._library.sync.sync(self._library.search_indexes()))
        account.pages, account.passages = len(parsed.pages), len(chunks)
        account.text_pages = sum(page.state.value != "ocr" for page in parsed.pages)
        account.characters = len(parsed.text)
        self.passages += chunks
        return key


def clocked(account: Account, stage: str, work: Callable[[], Any]) -> Any:
    """Do it and write the CPU-seconds of all threads of this process down."""
    begun = time.process_time()
    result = work()
    account.seconds[stage] += time.process_time() - begun
    return result


def pdfium_alone(files: list[Path]) -> tuple[int, float]:
    """Pages and CPU-seconds of pypdfium2 taking the text out of the PDF files, in this process."""
    import pypdfium2

    pages, begun = 0, time.process_time()
    for path in files:
        try:
            document = pypdfium2.PdfDocument(path)
            for page in document:
                page.get_textpage().get_text_bounded()
                pages += 1
        except pypdfium2.PdfiumError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
    return pages, time.process_time() - begun


def embedders(embedder: Embedder, texts: list[str]) -> list[tuple[str, float]]:
    """Tokens per CPU-second of sentence-transformers in float32 with its defaults, and of ours."""
    import torch

    from cortex_engine.embedding.minilm import model_folder

    ensure_torchvision()
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(model_folder()), device="cpu")
    tokens = sum(embedder.tokenizer.lengths(texts))
    torch.set_num_threads(1)
    found = []
    for name, run in (
        ("sentence-transformers, float32, one thread", lambda: plain.encode(texts, show_progress_bar=False)),
        ("the packaged embedder", lambda: embedder.embed_documents(texts)),
    ):
        best = float("inf")
        for _ in range(2):
            begun = time.process_time()
            run()
            best = min(best, time.process_time() - begun)
        found.append((name, tokens / best))
    return found


def stages_table(page: Page, accounts: list[Account]) -> None:
    """The stages over all documents."""
    pages = sum(each.pages for each in accounts)
    sums = {stage: sum(each.seconds[stage] for each in accounts) for stage in STAGES}
    ocr_pages = pages - sum(each.text_pages for each in accounts)
    total = sum(sums.values())
    rows: list[tuple[object, ...]] = []
    for stage, seconds in sums.items():
        through = ocr_pages if stage == "ocr" else pages
        rows.append((stage, through, seconds, f"{seconds / total:.1%}", f"{through / max(seconds, 1e-9):,.1f}"))
    rows.append(("all", pages, total, "100%", f"{pages / total:,.1f}"))
    without = total - sums["ocr"]
    rows.append(("all but ocr", pages, without, "", f"{pages / without:,.1f}"))
    page.table(["stage", "pages", "CPU-s", "share", "pages per CPU-s"], rows)


def slowest_table(page: Page, accounts: list[Account]) -> None:
    """Documents that cost our own stages most."""
    page.add("Documents that cost the stages of our own making most (CPU-ms):", "")
    ordered = sorted(accounts, key=lambda each: -sum(each.seconds[stage] for stage in OURS))[:SLOWEST]
    page.table(
        ["document", "pages", "characters", "passages", *STAGES],
        [
            (
                *(each.name, each.pages, each.characters, each.passages),
                *(f"{1000 * each.seconds[stage]:,.0f}" for stage in STAGES),
            )
            for each in ordered
        ],
    )


def measure(files: list[Path], page: Page) -> None:
    """Everything, onto the page."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(load_config(Path(folder), {"CORTEX_MIN_FREE_BYTES": "0", "CORTEX_PARSE_WORKERS": "1"}).config)
        try:
            library.own()
            line = Line(library)
            library.bring_up(library.search_indexes())
            begun = time.perf_counter()
            for path in files:
                line.take(path, path.name)
            wall = time.perf_counter() - begun
        finally:
            library.close()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        page.add(
            f"{len(files)} files, {len(line.accounts)} documents with what they contain, "
            f"{sum(each.pages for each in line.accounts):,} pages, {len(line.passages):,} passages, {wall:.0f} s wall, one "
            f"file after the other. CPU of all child processes by the kernel's account, with the start of the box: "
            f"{children.ru_utime + children.ru_stime:.1f} s.",
            "",
        )
        stages_table(page, line.accounts)
        slowest_table(page, line.accounts)
        peers(page, files, line, Library(library.config).embedder(line._spec))


def peers(page: Page, files: list[Path], line: Line, embedder: Embedder) -> None:
    """What others need for a part of the work."""
    pdfs = [path for path in files if path.suffix.lower() == ".pdf"]
    names = {path.name for path in pdfs}
    own = [each for each in line.accounts if each.name in names]
    pages, seconds = pdfium_alone(pdfs)
    parse = sum(each.seconds["parse"] + each.seconds["decode"] for each in own)
    page.add("## Beside others, in the same run", "")
    rows: list[tuple[object, ...]] = [
        ("pypdfium2, text alone, no box", f"{pages / seconds:,.0f} pages per CPU-s", "1.00"),
        (
            "our PDF parsing: box, words with boxes, reading order, tables, decoding",
            f"{sum(each.pages for each in own) / parse:,.0f} pages per CPU-s",
            f"{(sum(each.pages for each in own) / parse) / (pages / seconds):.2f}",
        ),
    ]
    step = max(1, len(line.passages) // SAMPLE)
    found = embedders(embedder, [chunk.embedded_text for chunk in line.passages[::step]][:SAMPLE])
    rows += [(name, f"{rate:,.0f} tokens per CPU-s", f"{rate / found[0][1]:.2f}") for name, rate in found]
    page.table(["what", "rate", "ratio"], rows)
    page.goals(
        [
            (
                "embedding: at least 3.5 times sentence-transformers float32 (a goal for processors with AMX)",
                found[1][1] >= 3.5 * found[0][1],
                f"{found[1][1] / found[0][1]:.2f}",
            )
        ]
    )
    if line.failures:
        page.add("Not read:", "", *(f"- {failure}" for failure in line.failures), "")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true", help="some files; writes no page")
    options = parser.parse_args()
    files = listed(options.data / "documents")
    page = Page("Ingest", "python scripts/benchmark_ingest.py")
    page.add(
        "CPU-seconds by stage: parse and ocr are those of the child processes in the box, the others those of all threads",
        "of this process. decode: what this process spends on asking the box and on turning its answer into a document.",
        "index: word index and exact vector index, followed after every document (in use they follow in batches).",
        "",
    )
    measure(files[::12] if options.quick else files, page)
    if not options.quick:
        page.write(PAGES / "ingest.md")


if __name__ == "__main__":
    main()
