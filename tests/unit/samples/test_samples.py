"""The samples that come with the package: small, of many formats, with the vectors of just these texts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.chunking import TextChunker
from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.identifiers import text_hash
from cortex_engine.core.options import ChunkOptions, ParseOptions
from cortex_engine.embedding.packaged import PackagedEmbedder
from cortex_engine.parsing.box import ParseBox

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "make_samples.py"
READ_BY_OCR = {"keepers-letter-1931-scan.pdf", "tea-festival-poster.png"}
"""What OCR reads may differ by a letter from one processor to another: these vectors are then made afresh."""


@pytest.fixture(scope="module")
def parsed(samples: Path) -> dict[str, ParsedDocument]:
    with ParseBox(ParseOptions()) as box:
        return {path.name: box.parse(path, path.name) for path in sorted((samples / "documents").iterdir())}


def test_they_are_small_and_of_many_formats(samples: Path) -> None:
    files = list((samples / "documents").iterdir())
    assert len({path.suffix for path in files}) >= 9
    assert sum(path.stat().st_size for path in samples.rglob("*") if path.is_file()) < 2_000_000


def test_every_question_is_answered_by_its_document(samples: Path, parsed: dict[str, ParsedDocument]) -> None:
    questions = json.loads((samples / "queries.json").read_text(encoding="utf-8"))
    assert {question["document"] for question in questions} == set(parsed)
    for question in questions:
        words = " ".join(parsed[question["document"]].text.split())
        assert question["answer"] in words, question


def test_the_vectors_are_those_of_the_passages(
    samples: Path, parsed: dict[str, ParsedDocument], tmp_path: Path
) -> None:
    embedder = PackagedEmbedder(tmp_path, precision="float32")
    with np.load(samples / "vectors.npz", allow_pickle=False) as stored:
        assert str(stored["model_id"]) == embedder.spec.id
        known = dict(zip(stored["hashes"].tolist(), stored["vectors"], strict=True))
    assert 20 < len(known) <= 250
    chunker = TextChunker(embedder.tokenizer, embedder.spec.max_tokens, ChunkOptions())
    texts = [
        chunk.embedded_text
        for name, document in parsed.items()
        if name not in READ_BY_OCR
        for chunk in chunker.split("d" * 32, document)
    ]
    missing = [text[:60] for text in texts if text_hash(text) not in known]
    assert missing == [], "run scripts/make_samples.py --vectors"
    some = texts[::6]
    again = embedder.embed_documents(some)
    kept = np.stack([known[text_hash(text)] for text in some])
    assert np.sum(again * kept, axis=1).min() > 0.9999


@pytest.mark.slow
def test_the_script_makes_the_same_bytes(samples: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (samples / "documents").iterdir()}
    source = "import runpy, sys, pathlib; sys.path.insert(0, sys.argv[1]); m = runpy.run_path(sys.argv[2]); "
    source += "t = pathlib.Path(sys.argv[3]); g = m['report'].__globals__; g['DOCUMENTS'] = t; "
    source += "[m[name]() for name in ('report', 'catalogue', 'tides', 'tour', 'mail', 'scan', 'poster')]"
    command = [sys.executable, "-c", source, str(SCRIPT.parent), str(SCRIPT), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(made) == 7
    assert [name for name, data in made.items() if data != before[name]] == []
