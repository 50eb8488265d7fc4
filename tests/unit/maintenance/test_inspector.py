"""The inspector finds each planted fault among sound vectors, and its map is the plane in which they differ."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cortex_engine.config import load_config
from cortex_engine.core.errors import ModelUnavailableError, NotFoundError
from cortex_engine.core.identifiers import text_hash
from cortex_engine.core.records import StoredVectors
from cortex_engine.maintenance import inspector
from cortex_engine.suite import CortexSuite

DIMENSION = 64


def unit(count: int, dimension: int = DIMENSION, seed: int = 3) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Stored:
    """A catalog that holds these vectors, each of a text of its own unless told otherwise."""

    def __init__(self, rows: list[np.ndarray], texts: list[str] | None = None, batch: int = 4096) -> None:
        self._data = [np.asarray(row, "<f4").tobytes() for row in rows]
        self._texts = [text_hash(text) for text in texts or [f"text {n}" for n in range(len(rows))]]
        self._batch = batch

    def stored_vectors(self, model_id: str) -> Iterator[StoredVectors]:
        for first in range(0, len(self._data), self._batch):
            part = slice(first, first + self._batch)
            names = [f"c{n}" for n in range(len(self._data))][part]
            yield StoredVectors(names, self._texts[part], self._data[part])

    def counts(self) -> Any:
        return SimpleNamespace(vectors={"m": len(self._data)})

    def lookup(self, names: list[str]) -> dict[str, Any]:
        return {
            name: SimpleNamespace(
                document=f"{int(name[1:]) % 3}.pdf",
                chunk=SimpleNamespace(text=f"  A\n{name} " * 90, document_id=f"d{int(name[1:]) % 3}", page=2),
            )
            for name in names
        }


def look(rows: list[np.ndarray], texts: list[str] | None = None, batch: int = 100) -> inspector.VectorFigures:
    return inspector.figures(Stored(rows, texts, batch), "m", DIMENSION)  # type: ignore[arg-type]


def test_sound_vectors_have_no_fault() -> None:
    seen = look([*unit(300)])
    assert (seen.vectors, seen.dimensions) == (300, {DIMENSION: 300})
    assert (seen.zero, seen.not_finite, seen.duplicates, seen.affected) == (0, 0, 0, ())
    assert seen.norm_low == pytest.approx(1, abs=1e-5)
    assert seen.norm_mean == pytest.approx(1, abs=1e-6)
    assert seen.norm_high == pytest.approx(1, abs=1e-5)


def test_an_empty_model_has_zeros() -> None:
    seen = look([])
    assert (seen.vectors, seen.norm_low, seen.norm_mean, seen.norm_high, seen.duplicates) == (0, 0.0, 0.0, 0.0, 0)


def test_a_zero_vector_is_found() -> None:
    seen = look([*unit(250), np.zeros(DIMENSION), np.zeros(DIMENSION)])
    assert (seen.zero, seen.duplicates, seen.norm_low) == (2, 0, 0.0)
    assert seen.affected == ("1.pdf", "2.pdf")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_no_number_is_found(bad: float) -> None:
    rows = [*unit(250)]
    rows[137] = rows[137].copy()
    rows[137][5] = bad
    seen = look(rows)
    assert seen.not_finite == 1
    assert np.isfinite([seen.norm_low, seen.norm_mean, seen.norm_high]).all()


def test_wrong_dimensions_are_counted_and_disturb_nothing() -> None:
    seen = look([*unit(100), *unit(3, 32), *unit(1, 96), np.zeros(0)])
    assert seen.dimensions == {0: 1, 32: 3, DIMENSION: 100, 96: 1}
    assert seen.vectors == 105
    assert seen.affected == ("0.pdf", "1.pdf", "2.pdf")
    assert seen.norm_mean == pytest.approx(1, abs=1e-6)


def test_two_halves_do_not_pass_for_one_vector() -> None:
    """Their bytes together have the right length."""
    assert look([*unit(10), *unit(2, DIMENSION // 2)]).dimensions == {DIMENSION // 2: 2, DIMENSION: 10}


def test_scaled_vectors_show_in_the_norms() -> None:
    rows = [*unit(200)]
    rows[17] = rows[17] * 7
    rows[18] = rows[18] * 0.25
    seen = look(rows)
    assert (seen.norm_low, seen.norm_high) == (pytest.approx(0.25, rel=1e-4), pytest.approx(7, rel=1e-4))
    assert seen.duplicates == 0


def test_equal_vectors_of_different_texts_are_duplicates() -> None:
    rows = [*unit(250)]
    rows += [rows[3], rows[3], rows[200]]
    assert look(rows).duplicates == 3


def test_equal_vectors_of_one_text_are_none() -> None:
    rows = [*unit(50)]
    assert look([*rows, rows[3]], [*(f"text {n}" for n in range(50)), "text 3"]).duplicates == 0


@pytest.mark.parametrize("noise", [1e-8, 1e-7])
def test_rounding_hides_no_duplicate(noise: float) -> None:
    rows = unit(400)
    shaken = rows + noise * np.random.default_rng(1).standard_normal(rows.shape).astype(np.float32)
    assert look([*rows, *shaken]).duplicates == pytest.approx(400, abs=4)


def test_near_vectors_are_no_duplicates() -> None:
    rows = unit(300)
    near = rows + 3e-3 * np.random.default_rng(1).standard_normal(rows.shape).astype(np.float32)
    assert float((rows[0] @ near[0]) / np.linalg.norm(near[0])) > 0.999
    assert look([*rows, *near]).duplicates == 0


@pytest.mark.slow
def test_a_hundred_thousand_vectors() -> None:
    stored = Stored([*unit(100_000, 384)])
    seen = inspector.figures(stored, "m", 384)  # type: ignore[arg-type]
    assert (seen.vectors, seen.duplicates) == (100_000, 0)


def test_the_table_says_what_a_dimension_means() -> None:
    table = {row.dimension: row for row in inspector.compatibility({384, 256})}
    assert list(table) == [256, 384, 768, 1024, 2048, 4096]
    words = {dimension: row.qwen3_vl for dimension, row in table.items()}
    assert words[768] == words[1024] == words[384] == "reranker only"
    assert (words[2048], words[4096]) == ("full", "check source model")
    assert table[768].models == ("bge-base-en-v1.5",)
    assert table[1024].models == ("bge-large-en-v1.5",)
    assert table[2048].models == ("Qwen3-VL-Embedding-2B",)
    assert table[4096].models == ("Qwen3-VL-Embedding-8B", "NV-Embed-v2")
    assert table[256].models == ()
    assert [row.dimension for row in table.values() if row.present] == [256, 384]
    assert all(row.migration for row in table.values())


def test_the_map_is_the_plane_of_the_two_main_directions() -> None:
    dice = np.random.default_rng(8)
    axes = np.linalg.qr(dice.standard_normal((DIMENSION, 2)))[0].T
    plane = dice.standard_normal((500, 2)) * [9, 4]
    vectors = (plane @ axes + 0.01 * dice.standard_normal((500, DIMENSION))).astype(np.float32)
    points, explained = inspector.principal_plane(vectors)
    exact = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    assert explained == pytest.approx(float((exact[1][:2] ** 2).sum() / (exact[1] ** 2).sum()), abs=1e-6)
    assert np.allclose(np.abs(points), np.abs(exact[0][:, :2] * exact[1][:2]), atol=1e-3)
    assert np.array_equal(points, inspector.principal_plane(vectors)[0])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_map_of_next_to_nothing(count: int) -> None:
    points, explained = inspector.principal_plane(unit(count))
    assert points.shape == (count, 2)
    assert 0 <= explained <= 1


def test_equal_vectors_lie_on_one_point() -> None:
    points, _ = inspector.principal_plane(np.repeat(unit(1), 5, axis=0))
    assert np.allclose(points, 0, atol=1e-6)


def test_the_map_draws_a_seeded_sample_and_leaves_out_what_is_damaged() -> None:
    rows = [*unit(900)]
    rows[10] = np.full(DIMENSION, np.nan)
    rows[11] = np.zeros(7)
    stored = Stored(rows)
    first = inspector.embedding_map(stored, "m", DIMENSION, 200)  # type: ignore[arg-type]
    again = inspector.embedding_map(stored, "m", DIMENSION, 200)  # type: ignore[arg-type]
    assert first == again
    assert (len(first.points), first.total) == (199, 900), "one of the sample is damaged"
    assert len(first.documents) == len(first.previews) == len(first.chunk_ids) == 199
    assert (first.document_ids[0][1:], first.pages[0]) == (first.documents[0][0], 2)
    assert max(len(each) for each in first.previews) <= 160
    assert "\n" not in first.previews[0]
    whole = inspector.embedding_map(stored, "m", DIMENSION, 3000)  # type: ignore[arg-type]
    assert len(whole.points) == 898
    assert {"c10", "c11"}.isdisjoint(whole.chunk_ids)


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[CortexSuite]:
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text(f"Tea of kind {number} is steamed.")
    environ = {"CORTEX_EMBEDDING_BACKEND": "hashing", "CORTEX_MIN_FREE_BYTES": "0"}
    with CortexSuite.open(loaded=load_config(tmp_path / "library", environ)) as opened:
        opened.ingest([tmp_path / f"{number}.txt" for number in range(4)], "Papers")
        yield opened


def test_the_suite_names_model_collections_and_what_is_expected(suite: CortexSuite) -> None:
    (seen,) = suite.inspect_vectors()
    assert (seen.spec.model, seen.collections) == ("words-and-trigrams", ("Papers",))
    assert (seen.vectors, seen.expected, seen.usable, seen.reason) == (4, 4, True, "")
    assert {row.dimension for row in suite.compatibility() if row.present} == {256}
    drawn = suite.embedding_map(seen.spec.id)
    assert sorted(drawn.documents) == ["0.txt", "1.txt", "2.txt", "3.txt"]
    with pytest.raises(NotFoundError):
        suite.embedding_map("0000")


def test_what_lies_damaged_in_the_catalog_is_seen(suite: CortexSuite) -> None:
    """A vector that was cut short, with a checksum that fits."""
    connection = sqlite3.connect(suite.config.data_dir / "catalog.db")
    key, data = connection.execute("SELECT key, data FROM vector").fetchone()
    connection.execute("UPDATE vector SET data = ?, crc32 = ? WHERE key = ?", (data[:-4], zlib.crc32(data[:-4]), key))
    connection.execute("DELETE FROM vector WHERE key = (SELECT max(key) FROM vector)")
    connection.commit()
    connection.close()
    (seen,) = suite.inspect_vectors()
    assert seen.dimensions == {255: 1, 256: 2}
    assert (seen.vectors, seen.expected) == (3, 4)
    catalog = suite._library.catalog
    assert len(catalog.damaged_vectors(seen.spec.id)) == 1
    assert sum(len(batch.vectors) for batch in catalog.vectors(seen.spec.id)) == 2


def test_a_model_that_cannot_be_loaded_says_why(suite: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(spec: object) -> None:
        raise ModelUnavailableError("Its weights are not on this machine.")

    monkeypatch.setattr(suite._library, "embedder", absent)
    (seen,) = suite.inspect_vectors()
    assert (seen.usable, seen.reason) == (False, "Its weights are not on this machine.")
