"""A small catalog and documents to put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id
from cortex_engine.core.records import PreparedDocument

Prepare = Callable[..., PreparedDocument]


@pytest.fixture
def spec() -> EmbeddingSpec:
    return EmbeddingSpec("hashing", "test", "1", 4, "none", True, 256)


@pytest.fixture
def prepare(spec: EmbeddingSpec) -> Prepare:
    def build(
        content: str,
        *,
        name: str = "",
        sentences: int = 3,
        pipeline: str = "p1",
        parent: str = "",
        embedded: bool = True,
        info: DocumentInfo | None = None,
        pages: tuple[Page, ...] = (),
    ) -> PreparedDocument:
        sha256 = content_hash(content.encode())
        key = document_id(sha256)
        texts = [f"Sentence {number} of {content}, read by {pipeline}." for number in range(sentences)]
        whole = " ".join(texts)
        chunks = []
        for ordinal, text in enumerate(texts):
            start = whole.index(text)
            end = start + len(text)
            chunks.append(Chunk(chunk_id(key, start, end, text), key, ordinal, text, start, end, 1, 1, "", 9))
        vectors = {spec.id: np.full((sentences, spec.dimension), len(content), np.float32)} if embedded else {}
        parsed = ParsedDocument(
            info or DocumentInfo("text", title=f"About {content}", language="en"),
            pages or (Page(1, whole, PageState.TEXT, label="First"),),
            (),
        )
        return PreparedDocument(
            sha256, name or f"{content}.txt", len(content), parsed, chunks, vectors, pipeline, parent, 0.5
        )

    return build


@pytest.fixture
def catalog(tmp_path: Path, spec: EmbeddingSpec) -> Iterator[SqliteCatalog]:
    made = SqliteCatalog(tmp_path / "catalog.db", owner=True)
    made.create_collection("home", spec)
    yield made
    made.close()
