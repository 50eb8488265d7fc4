"""What the exact store promises beyond the port: scale, sums, files, several processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.core.errors import IndexUnavailableError
from cortex_engine.vector_stores import exact, files, flat_scan
from cortex_engine.vector_stores.exact import ExactStore

DIMENSION = 32


def unit(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((40, dimension))
    vectors = centres[generator.integers(0, 40, count)] + generator.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def large():
    return unit(30_000, 3, 100)


@pytest.fixture(scope="module")
def coded(tmp_path_factory, large):
    """30,000 rows of 100 dimensions (an odd number of bits), of which every seventh document is deleted."""
    store = ExactStore(tmp_path_factory.mktemp("coded") / "s", 100)
    for first in range(0, len(large), 1700):
        part = range(first, min(first + 1700, len(large)))
        store.upsert([f"c{n}" for n in part], [f"d{n // 10}" for n in part], large[part.start : part.stop])
    store.delete([f"d{n}" for n in range(0, 3000, 7)])
    store.flush()
    yield store
    store.close()


def rows_of(condition) -> np.ndarray:
    return np.array([n for n in range(30_000) if (n // 10) % 7 and condition(n // 10)])


def recall(store, vectors, rows, documents=None) -> float:
    hits = 0
    for query in vectors[::1500]:
        true = rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:10]]
        answer = {item.chunk_id for item in store.nearest(query, 10, documents)}
        hits += len(answer & {f"c{n}" for n in true})
    return hits / (10 * len(vectors[::1500]))


def test_code_scan_finds_the_nearest(coded, large):
    assert coded.describe().count > exact.FLOAT_SCAN
    assert recall(coded, large, rows_of(lambda _: True)) >= 0.99


def test_code_scan_with_a_wide_filter(coded, large, monkeypatch):
    chosen = {f"d{n}" for n in range(3000) if n % 3}
    rows = rows_of(lambda n: n % 3)
    assert recall(coded, large, rows, chosen) == 1.0
    monkeypatch.setattr(exact, "FLOAT_SCAN", 100)
    assert recall(coded, large, rows, chosen) >= 0.99


def test_rows_behind_the_last_block_are_found(coded, large):
    behind = 29_999
    assert (behind // flat_scan.BLOCK + 1) * flat_scan.BLOCK > 30_000
    assert coded.nearest(large[behind], 1).items[0].chunk_id == "c29999"


@pytest.mark.parametrize("keep", [lambda n: True, lambda n: n < 5, lambda n: n % 10 > 0, lambda n: n < 0])
def test_moments_equal_brute_force(coded, large, keep):
    documents = None if keep(-1) and keep(0) and keep(1) else {f"d{n}" for n in range(3000) if keep(n)}
    rows = rows_of(keep) if documents is not None else rows_of(lambda _: True)
    if documents is not None and not rows.size:
        assert coded.moments(large[5], documents).count == 0
        return
    scores = large[rows].astype(np.float64) @ large[5].astype(np.float64)
    moments = coded.moments(large[5], documents)
    assert moments.count == len(rows)
    assert moments.mean == pytest.approx(scores.mean(), abs=1e-6)
    assert moments.deviation == pytest.approx(scores.std(), abs=1e-6)


def test_moments_follow_every_write(tmp_path):
    vectors = unit(9000)
    store = ExactStore(tmp_path / "s", DIMENSION)
    ids = [f"c{n}" for n in range(9000)]
    documents = [f"d{n // 100}" for n in range(9000)]
    for first, last in ((0, 2000), (1000, 9000)):
        store.upsert(ids[first:last], documents[first:last], vectors[first:last])
        store.flush()
        assert store.moments(vectors[0]).count == last
    store.delete([f"d{n}" for n in range(0, 90, 2)])
    store.flush()
    again = ExactStore(tmp_path / "s", DIMENSION)
    scores = vectors[[n for n in range(9000) if (n // 100) % 2]].astype(np.float64) @ vectors[0].astype(np.float64)
    for opened in (store, again):
        assert opened.moments(vectors[0]).mean == pytest.approx(scores.mean(), abs=1e-7)
        assert opened.moments(vectors[0]).deviation == pytest.approx(scores.std(), abs=1e-7)


def test_scores_of_given_passages(coded, large):
    scores = coded.scores(large[1], ["c11", "c0", "unknown", "c29999"])  # c0 is deleted
    assert scores.keys() == {"c11", "c29999"}
    assert scores["c11"] == pytest.approx(float(large[1] @ large[11]), abs=1e-6)


def test_compaction_keeps_what_lives(tmp_path):
    vectors = unit(12_000)
    ids = [f"c{n}" for n in range(12_000)]
    store = ExactStore(tmp_path / "s", DIMENSION)
    store.upsert(ids, [f"d{n // 10}" for n in range(12_000)], vectors)
    store.flush()
    reader = ExactStore(tmp_path / "s", DIMENSION)
    assert reader.describe().count == 12_000
    before = sum(path.stat().st_size for path in (tmp_path / "s").iterdir())
    store.delete([f"d{n}" for n in range(0, 1200, 2)])
    expected = store.nearest(vectors[15], 20)
    store.flush()
    assert sum(path.stat().st_size for path in (tmp_path / "s").iterdir()) < 0.6 * before
    for opened in (store, reader):
        assert opened.nearest(vectors[15], 20) == expected
        assert opened.ids() == {f"c{n}" for n in range(12_000) if (n // 10) % 2}
        opened.verify(full=True)


def test_codes_begin_when_the_store_has_grown(tmp_path):
    store = ExactStore(tmp_path / "s", DIMENSION)
    vectors = unit(files.CODES_FROM + 10)
    store.upsert([f"c{n}" for n in range(files.CODES_FROM - 1)], ["d"] * (files.CODES_FROM - 1), vectors[:-11])
    store.flush()
    assert not list((tmp_path / "s").glob("codes-*"))
    store.upsert(["last"], ["e"], vectors[-1:])
    store.flush()
    assert next((tmp_path / "s").glob("codes-*")).stat().st_size == files.CODES_FROM * 8
    assert store.nearest(vectors[-1], 1).items[0].chunk_id == "last"


@pytest.mark.skipif(not flat_scan.POPCOUNT, reason="numpy 1.26 has no popcount: the float scan does all the work")
def test_encode_and_distances_agree_with_bits():
    vectors, centre = unit(flat_scan.BLOCK, 1, 100), np.full(100, 0.02, np.float32)
    query = unit(1, 2, 100)
    out = np.empty(flat_scan.BLOCK, np.uint16)
    codes = flat_scan.block_codes(vectors, centre)
    flat_scan.distances(codes, flat_scan.encode(query, centre)[0], out)
    assert np.array_equal(out, ((vectors > centre) != (query > centre)).sum(axis=1))


def test_a_reader_sees_what_the_writer_flushed(tmp_path):
    vectors = unit(10)
    reader, writer = ExactStore(tmp_path / "s", DIMENSION), ExactStore(tmp_path / "s", DIMENSION)
    assert reader.describe().count == 0
    writer.upsert(["a"], ["d"], vectors[:1])
    assert reader.describe().count == 0
    writer.flush()
    assert reader.ids() == {"a"}
    writer.upsert(["b"], ["d"], vectors[1:2])
    assert reader.ids() == {"a"}
    writer.close()  # a crash: never flushed
    assert reader.ids() == {"a"}
    writer.upsert(["c"], ["d"], vectors[2:3])
    writer.flush()
    assert reader.ids() == {"a", "c"}
    reader.verify(full=True)


READER = """
import sys, numpy as np
from pathlib import Path
from cortex_engine.vector_stores.exact import ExactStore
store = ExactStore(Path(sys.argv[1]), 32)
query = np.eye(32, dtype=np.float32)[0]
print("ready", flush=True)
seen = 0
while seen < 3000:
    ranking = store.nearest(query, 5)
    held = store.ids()
    seen = max(seen, len(held))
    assert len(held) % 100 == 0, len(held)
    assert all(-1.0 <= item.score <= 1.0 and item.chunk_id.startswith("c") for item in ranking)
    store.moments(query)
"""


def test_readers_in_other_processes_never_see_half_a_write(tmp_path):
    folder = tmp_path / "s"
    store = ExactStore(folder, DIMENSION)
    vectors = unit(3000)

    def add(first: int) -> None:
        part = range(first, first + 100)
        store.upsert([f"c{n}" for n in part], [f"d{first}"] * 100, vectors[first : first + 100])
        store.flush()

    add(0)
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for reader in readers:
        reader.stdout.readline()
    for first in range(100, 3000, 100):
        add(first)
    for reader in readers:
        _, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors.decode()


@pytest.fixture(scope="module")
def flushed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "s"
    store = ExactStore(folder, DIMENSION)
    count = files.CODES_FROM + 100
    store.upsert([f"c{n}" for n in range(count)], [f"d{n // 10}" for n in range(count)], unit(count))
    store.delete(["d1", "d2"])
    store.flush()
    store.verify(full=True)
    store.close()
    return folder


FILES = [
    *("vectors", "row-documents", "dead-rows", "codes", "centre", "sums"),
    *("chunks-index", "chunks-text", "documents-index", "documents-text", "manifest"),
]


def test_every_file_is_damaged_below(flushed):
    assert sorted(path.name.split("-0")[0].split("-2")[0].split(".")[0] for path in flushed.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "flipped", "extended"])
@pytest.mark.parametrize("name", FILES)
def test_damage_is_detected(flushed, tmp_path, name, damage):
    folder = tmp_path / "s"
    shutil.copytree(flushed, folder)
    path = next(folder.glob(f"{name}*"))
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
    else:
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "extended": data + b"\x00more"}[damage])
    store = ExactStore(folder, DIMENSION)
    with pytest.raises(IndexUnavailableError, match="cortex rebuild"):
        store.verify(full=True)


@pytest.mark.parametrize("damage", ["missing", "empty", "half"])
@pytest.mark.parametrize("name", [name for name in FILES if name != "sums"])
def test_lost_bytes_are_detected_at_open(flushed, tmp_path, name, damage):
    folder = tmp_path / "s"
    shutil.copytree(flushed, folder)
    path = next(folder.glob(f"{name}*"))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if damage == "half" else b"")
    if damage == "missing":
        path.unlink()
    with pytest.raises(IndexUnavailableError):
        ExactStore(folder, DIMENSION).nearest(unit(1)[0], 3)


def test_importing_the_stores_loads_no_heavy_library():
    code = (
        "import sys, cortex_engine.vector_stores.exact, cortex_engine.vector_stores.chroma; "
        "print([name for name in ('chromadb', 'torch', 'faiss', 'numba') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_folder_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "notes.txt").write_text("mine")
    with pytest.raises(IndexUnavailableError, match="is missing"):
        ExactStore(tmp_path / "s", DIMENSION).describe()
