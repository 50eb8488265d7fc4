"""Whatever is done to an exact store, it answers as a dictionary of vectors would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cortex_engine.vector_stores import exact, files, flat_scan
from cortex_engine.vector_stores.exact import ExactStore

DIMENSION = 6
GENERATOR = np.random.default_rng(11)
POOL = GENERATOR.standard_normal((8, DIMENSION)).astype(np.float32)
POOL /= np.linalg.norm(POOL, axis=1, keepdims=True)
IDS = st.sampled_from(["a", "b", "ü", "日", "e", "f", "a b", "", "i", "j"])
DOCUMENTS = st.sampled_from(["x", "y", "ß", "w"])


class ExactStoreMachine(RuleBasedStateMachine):
    """The model: chunk id -> (document, row of POOL). Blocks are tiny, so codes and compaction take part."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.store = ExactStore(self.folder / "s", DIMENSION)
        self.model: dict[str, tuple[str, int]] = {}
        self.flushed: dict[str, tuple[str, int]] = {}

    @rule(rows=st.lists(st.tuples(IDS, DOCUMENTS, st.integers(0, len(POOL) - 1)), max_size=12))
    def upsert(self, rows):
        self.store.upsert([r[0] for r in rows], [r[1] for r in rows], POOL[[r[2] for r in rows]])
        self.model.update((name, (document, row)) for name, document, row in rows)

    @rule(documents=st.sets(DOCUMENTS))
    def delete(self, documents):
        self.store.delete(documents)
        self.model = {name: value for name, value in self.model.items() if value[0] not in documents}

    @rule()
    def flush(self):
        written = self.store._files().pending
        self.store.flush()
        self.flushed = dict(self.model)
        if written:  # else the remains of writes that `reopen` dropped still lie there
            self.store.verify(full=True)

    @rule()
    def reopen(self):
        self.store.close()
        self.store = ExactStore(self.folder / "s", DIMENSION)
        self.model = dict(self.flushed)

    @rule(row=st.integers(0, len(POOL) - 1), top_k=st.integers(1, 15), documents=st.none() | st.sets(DOCUMENTS))
    def search(self, row, top_k, documents):
        query = POOL[row]
        held = {n: v for n, v in self.model.items() if documents is None or v[0] in documents}
        products = {n: float(POOL[v[1]].astype(np.float64) @ query.astype(np.float64)) for n, v in held.items()}
        wanted = sorted(products, key=lambda name: (-round(products[name], 9), name))[:top_k]
        assert [item.chunk_id for item in self.store.nearest(query, top_k, documents)] == wanted
        moments = self.store.moments(query, documents)
        assert moments.count == len(held)
        assert moments.mean == pytest.approx(np.mean(list(products.values())) if held else 0.0, abs=1e-6)
        assert moments.deviation == pytest.approx(np.std(list(products.values())) if held else 0.0, abs=1e-3)
        assert self.store.scores(query, [*products, "none"]) == pytest.approx(products, abs=1e-6)

    @invariant()
    def same_ids(self):
        assert self.store.ids() == set(self.model)
        assert self.store.describe().count == len(self.model)

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


@pytest.fixture(autouse=True)
def tiny_blocks(monkeypatch):
    monkeypatch.setattr(flat_scan, "BLOCK", 4)
    monkeypatch.setattr(files, "CODES_FROM", 8)
    monkeypatch.setattr(files, "_SUMS_LAG", 3)
    monkeypatch.setattr(exact, "FLOAT_SCAN", 6)
    monkeypatch.setattr(exact, "_COMPACT_FROM", 10)


class TestExactStore(ExactStoreMachine.TestCase):
    settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
