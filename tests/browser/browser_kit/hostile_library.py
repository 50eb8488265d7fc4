"""A library in which everything that has a name or a text attacks."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from browser_kit import files
from browser_kit.hostile import mark
from browser_kit.server import App
from cortex_engine.config import load_config
from cortex_engine.core.errors import CortexError
from cortex_engine.core.search import Filters, Query
from cortex_engine.suite import CortexSuite


@dataclass
class HostileLibrary:
    """What went in.

    Attributes:
        names: mark -> id of the document that is called by the hostile text.
        whole: file -> id of the documents that hold all of the texts.
        refused: place -> texts that the engine refused there, with its sentence.
    """

    names: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def build(server: App, vectors: dict[str, str], folder: Path) -> HostileLibrary:
    """Fill the library of a server that does not run yet."""
    made = HostileLibrary()
    with CortexSuite.open(loaded=load_config(server.folder, server.settings)) as suite:
        _documents(suite, vectors, folder, made)
        _tags_and_collections(suite, vectors, made)
        _searches(suite, vectors, made)
    return made


def _documents(suite: CortexSuite, vectors: dict[str, str], folder: Path, made: HostileLibrary) -> None:
    texts = list(vectors.values())
    uploads = [
        (text, io.BytesIO(files.hostile_page(folder, f"{position}.html", text).read_bytes()))
        for position, text in enumerate(texts, start=1)
    ]
    suite.receive([(f"{name}.html", stream) for name, stream in uploads], "Hostile")
    damaged = [(f"broken {text}.docx", io.BytesIO(b"PK\x03\x04 cut off " + text.encode())) for text in texts]
    suite.receive(damaged, "Hostile")
    suite.receive([(name, io.BytesIO(data)) for name, data in _whole(folder, texts).items()], "Hostile")
    suite.work()
    for document in suite.documents(limit=1000):
        if document.name.startswith("all"):
            made.whole[document.name] = document.id
        found = next((mark(each) for each in range(1, len(texts) + 1) if mark(each) in document.info.title), "")
        if found and not document.name.startswith("all"):
            made.names[found] = document.id


def _whole(folder: Path, texts: list[str]) -> dict[str, bytes]:
    """Files that hold all of the texts, one for each way of showing them."""
    import csv
    import json

    plain = [text.replace("\x00", " ") for text in texts]
    table = io.StringIO()
    csv.writer(table).writerows([["Remark", "Note"], *([text, "cell"] for text in plain)])
    mail = f"From: Eve <eve@example.org>\nTo: you\nSubject: {files.one_line(plain[1])}\nContent-Type: text/plain; charset=utf-8\n\n"
    title = "<img src=x onerror=alert(99)> $$x$$ :red[title]"
    return {
        "all.txt": "\n\n".join(plain).encode(),
        "all.md": "\n\n".join([f"# {files.one_line(plain[0])}", *plain, "| a | b |\n|---|---|", *plain]).encode(),
        "all.csv": table.getvalue().encode(),
        "all.json": json.dumps({"remarks": plain}).encode(),
        "all.eml": (mail + "\n\n".join(plain)).encode(),
        "all.pdf": files.hostile_pdf(folder / "all.pdf", title, [files.one_line(text) for text in plain]).read_bytes(),
        "all.docx": files.hostile_word(folder / "all.docx", title, plain).read_bytes(),
    }


def _tags_and_collections(suite: CortexSuite, vectors: dict[str, str], made: HostileLibrary) -> None:
    ids = list(made.names.values())
    for position, text in enumerate(vectors.values()):
        try:
            suite.add_tags([ids[position % len(ids)]], [text])
        except CortexError as error:
            made.refused.append(("tag", text, str(error)))
        try:
            collection = suite.create_collection(text, f"Described as {files.one_line(text)}")
            suite.add_to_collection(collection.name, ids[:2])
        except CortexError as error:
            made.refused.append(("collection", text, str(error)))


def _searches(suite: CortexSuite, vectors: dict[str, str], made: HostileLibrary) -> None:
    for text in vectors.values():
        try:
            suite.remember_search(Query(text, filters=Filters(title=text)), 3)
            suite.save_search(files.one_line(text)[:180], Query(text))
        except CortexError as error:
            made.refused.append(("search", text, str(error)))
