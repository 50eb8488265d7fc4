"""The contract of the port `ProbeRecords`: what was frozen stays, and damage is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CatalogError, ModelMismatchError, NotFoundError
from cortex_engine.core.probes import ProbeSet

_SPEC = EmbeddingSpec("hashing", "small", "1", 4, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], SqliteCatalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteCatalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("letters", _SPEC)
    yield made
    made.close()


def probes(value: float, version: int = 1) -> ProbeSet:
    return ProbeSet(version, np.full((16, 4), value, np.float32), "bfloat16", "2026-11-21T09:00:00+00:00")


def test_what_was_frozen_comes_back_and_stays(catalog: SqliteCatalog, tmp_path: Path) -> None:
    assert catalog.probes(_SPEC.id) is None
    catalog.keep_probes(_SPEC.id, probes(0.5))
    catalog.keep_probes(_SPEC.id, probes(0.9))
    kept = catalog.probes(_SPEC.id)
    assert kept is not None
    assert (kept.version, kept.precision, kept.made) == (1, "bfloat16", "2026-11-21T09:00:00+00:00")
    assert kept.vectors.dtype == np.float32
    np.testing.assert_array_equal(kept.vectors, probes(0.5).vectors)


def test_another_version_takes_its_place(catalog: SqliteCatalog) -> None:
    catalog.keep_probes(_SPEC.id, probes(0.5))
    catalog.keep_probes(_SPEC.id, probes(0.9, version=2))
    kept = catalog.probes(_SPEC.id)
    assert kept is not None
    assert kept.version == 2
    assert kept.vectors[0, 0] == np.float32(0.9)


def test_models_that_no_collection_uses_have_none(catalog: SqliteCatalog) -> None:
    assert catalog.probes("0" * 16) is None
    with pytest.raises(NotFoundError):
        catalog.keep_probes("0" * 16, probes(0.5))


def test_vectors_of_another_dimension_are_refused(catalog: SqliteCatalog) -> None:
    with pytest.raises(ModelMismatchError):
        catalog.keep_probes(_SPEC.id, ProbeSet(1, np.ones((16, 3), np.float32)))


def test_damaged_probes_are_told_and_can_be_replaced(catalog: SqliteCatalog, tmp_path: Path) -> None:
    catalog.keep_probes(_SPEC.id, probes(0.5))
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("UPDATE probe_set SET data = zeroblob(256)")
    connection.close()
    with pytest.raises(CatalogError, match="damaged"):
        catalog.probes(_SPEC.id)
    catalog.keep_probes(_SPEC.id, probes(0.9))
    kept = catalog.probes(_SPEC.id)
    assert kept is not None
    assert kept.vectors[0, 0] == np.float32(0.9)
