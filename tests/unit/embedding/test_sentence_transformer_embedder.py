"""sentence-transformers models: agreement with the library, instructions, and everything that is refused."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cortex_engine.checkpoints.folder import find_folder
from cortex_engine.core.errors import ModelUnavailableError, UsageError
from cortex_engine.embedding.minilm import model_folder
from cortex_engine.embedding.model_facts import KNOWN_MODELS, facts_of
from cortex_engine.embedding.model_folder import describe
from cortex_engine.embedding.packaged import PackagedEmbedder
from cortex_engine.embedding.sentence_transformer import SentenceTransformerEmbedder

TEXTS = ["Bees make honey.", "The invoice of March.", "x", "A longer sentence about the weather in Berlin."]


@pytest.fixture
def copied(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def edited(path: Path, change: Callable[[dict], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_vectors_are_the_library_s_own_scaled_to_length_one(tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(tiny_model), device="cpu").encode(TEXTS, normalize_embeddings=True)
    embedder = SentenceTransformerEmbedder(str(tiny_model), device="cpu", batch_size=2)
    np.testing.assert_allclose(embedder.embed_documents(TEXTS), expected, atol=1e-5)


def test_the_packaged_model_s_folder_gives_the_packaged_embedder_s_vectors(tmp_path: Path) -> None:
    embedder = SentenceTransformerEmbedder(str(model_folder()), device="cpu")
    assert (embedder.spec.dimension, embedder.spec.max_tokens, embedder.spec.pooling) == (384, 256, "mean")
    packaged = PackagedEmbedder(tmp_path, precision="float32")
    np.testing.assert_allclose(embedder.embed_documents(TEXTS), packaged.embed_documents(TEXTS), atol=1e-5)
    assert embedder.spec.id != packaged.spec.id


def test_the_spec_is_read_from_the_files_without_weights(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes(b"not weights")
    spec = SentenceTransformerEmbedder(str(copied)).spec
    assert (spec.dimension, spec.pooling, spec.max_tokens, spec.normalised) == (32, "mean", 192, True)
    assert spec.model == "model"


def test_other_weights_or_settings_are_another_space(tiny_model: Path, copied: Path) -> None:
    original = SentenceTransformerEmbedder(str(tiny_model)).spec
    assert SentenceTransformerEmbedder(str(copied)).spec.revision == original.revision
    data = bytearray((copied / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copied / "model.safetensors").write_bytes(data)
    assert SentenceTransformerEmbedder(str(copied)).spec.revision != original.revision
    instructed = SentenceTransformerEmbedder(str(tiny_model), query_instruction="query: ").spec
    assert instructed.id != original.id


def test_pooling_and_limits_of_the_model_are_kept(copied: Path) -> None:
    edited(copied / "1_Pooling" / "config.json", lambda value: value.update(pooling_mode="cls"))
    edited(copied / "tokenizer_config.json", lambda value: value.update(model_max_length=1000000000000000019))
    spec = SentenceTransformerEmbedder(str(copied)).spec
    assert (spec.pooling, spec.max_tokens) == ("cls", 256)


def test_instructions_come_before_the_text(tiny_model: Path) -> None:
    plain = SentenceTransformerEmbedder(str(tiny_model), device="cpu")
    embedder = SentenceTransformerEmbedder(
        str(tiny_model), device="cpu", query_instruction="query: ", document_instruction="passage: "
    )
    np.testing.assert_allclose(embedder.embed_query("bees"), plain.embed_query("query: bees"), atol=1e-5)
    np.testing.assert_allclose(embedder.embed_documents(["bees"]), plain.embed_documents(["passage: bees"]), atol=1e-5)
    assert embedder.tokenizer.lengths(["bees"]) == plain.tokenizer.lengths(["passage: bees"])


def test_the_model_s_own_prompts_are_used_once_and_can_be_overruled(copied: Path) -> None:
    prompts = {"query": "ask: ", "document": "tell: "}
    edited(
        copied / "config_sentence_transformers.json",
        lambda value: value.update(prompts=prompts, default_prompt_name="query"),
    )
    embedder = SentenceTransformerEmbedder(str(copied), device="cpu")
    assert (embedder.spec.query_instruction, embedder.spec.document_instruction) == ("ask: ", "tell: ")
    bare = SentenceTransformerEmbedder(str(copied), device="cpu", query_instruction="", document_instruction="")
    np.testing.assert_allclose(embedder.embed_query("bees"), bare.embed_query("ask: bees"), atol=1e-5)
    np.testing.assert_allclose(embedder.embed_documents(["bees"]), bare.embed_documents(["tell: bees"]), atol=1e-5)
    np.testing.assert_allclose(bare.embed_query("bees"), bare.embed_documents(["bees"])[0], atol=1e-5)


def test_a_passage_over_the_limit_is_refused_with_its_instruction_counted(tiny_model: Path) -> None:
    embedder = SentenceTransformerEmbedder(str(tiny_model), device="cpu", document_instruction="bees " * 10)
    fitting = 192 - embedder.tokenizer.lengths([""])[0]
    assert embedder.embed_documents(["honey " * fitting]).shape == (1, 32)
    with pytest.raises(UsageError, match=r"Text 1 of 1 has 193 tokens.*at most 192"):
        embedder.embed_documents(["honey " * (fitting + 1)])


def test_known_models_have_their_instructions() -> None:
    assert facts_of("BAAI/bge-base-en-v1.5").query_instruction.startswith("Represent this sentence")
    assert facts_of("/models/bge-large-en-v1.5/").document_instruction == ""
    assert facts_of("intfloat/multilingual-e5-base").document_instruction == "passage: "
    assert facts_of("nobody/unknown") is None
    assert len({row.model.lower() for row in KNOWN_MODELS}) == len(KNOWN_MODELS)


def test_offline_an_absent_model_fails_at_once_with_a_remedy() -> None:
    embedder = SentenceTransformerEmbedder("BAAI/bge-base-en-v1.5-absent", offline=True)
    started = time.monotonic()
    for call in (embedder.load, lambda: embedder.spec, lambda: embedder.embed_query("x")):
        with pytest.raises(
            ModelUnavailableError, match=r"BAAI/bge-base-en-v1.5-absent is not on this machine.*offline.*Put its"
        ):
            call()
    assert time.monotonic() - started < 60, "it must not wait for the network"


def test_a_snapshot_in_the_hub_s_cache_is_found_and_its_commit_is_the_revision(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    root = tmp_path / "models--owner--tiny"
    shutil.copytree(tiny_model, root / "snapshots" / commit)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    embedder = SentenceTransformerEmbedder("owner/tiny", device="cpu", offline=True)
    assert (embedder.spec.model, embedder.spec.revision) == ("owner/tiny", commit)
    assert embedder.embed_query("bees").shape == (32,)
    assert find_folder("owner/tiny", offline=False, weights=True).name == commit


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"nowhere.*is not there.*embedding_model"):
        SentenceTransformerEmbedder(str(tmp_path / "nowhere")).load()


def refused(folder: Path, match: str) -> None:
    with pytest.raises(ModelUnavailableError, match=match):
        SentenceTransformerEmbedder(str(folder), device="cpu").load()


def test_pickled_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    refused(copied, r"only as pytorch_model.bin, a pickle.*safetensors")


def test_a_pickle_in_a_module_is_refused(copied: Path) -> None:
    dense = copied / "2_Dense"
    dense.mkdir()
    (dense / "config.json").write_text(json.dumps({"in_features": 32, "out_features": 16}))
    (dense / "pytorch_model.bin").write_bytes(b"")
    modules = json.loads((copied / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (copied / "modules.json").write_text(json.dumps(modules))
    assert describe(copied, "model").dimension == 16
    refused(copied, "a pickle")


def test_missing_weights_are_explained(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    refused(copied, r"has no weights in .*Copy its model.safetensors")


def test_code_of_the_model_s_own_is_refused(copied: Path) -> None:
    modules = json.loads((copied / "modules.json").read_text())
    modules[1]["type"] = "evil.Pooling"
    (copied / "modules.json").write_text(json.dumps(modules))
    refused(copied, r"code of its own \(evil.Pooling\)")


def test_a_module_outside_the_folder_is_refused(copied: Path) -> None:
    modules = json.loads((copied / "modules.json").read_text())
    modules[1]["path"] = "../elsewhere"
    (copied / "modules.json").write_text(json.dumps(modules))
    refused(copied, "points out of the model's folder")


@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer.json", "model.safetensors"])
def test_damaged_files_are_explained(copied: Path, file: str) -> None:
    (copied / file).write_text("{ damaged")
    embedder = SentenceTransformerEmbedder(str(copied), device="cpu")
    with pytest.raises(ModelUnavailableError, match="again"):
        embedder.embed_documents(["bees"])


def _rewrite(path: Path, change: Callable[[dict], None]) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def test_weights_that_lack_a_part_are_refused(copied: Path) -> None:
    _rewrite(copied / "model.safetensors", lambda tensors: tensors.pop("encoder.layer.1.output.dense.weight"))
    refused(copied, r"do not fit its configuration: they lack encoder.layer.1.output.dense.weight")


def test_weights_with_a_part_nobody_knows_are_refused(copied: Path) -> None:
    _rewrite(
        copied / "model.safetensors",
        lambda tensors: tensors.update({"encoder.layer.9.output.dense.weight": np.ones((2, 2), np.float32)}),
    )
    refused(copied, r"they hold unknown encoder.layer.9")


def test_weights_without_the_unused_pooler_are_accepted(copied: Path) -> None:
    def drop(tensors: dict) -> None:
        for name in [name for name in tensors if "pooler" in name]:
            del tensors[name]

    _rewrite(copied / "model.safetensors", drop)
    SentenceTransformerEmbedder(str(copied), device="cpu").load()


def test_loading_leaves_the_library_as_it_was(tiny_model: Path) -> None:
    import transformers

    before = transformers.PreTrainedModel.__dict__["from_pretrained"]
    SentenceTransformerEmbedder(str(tiny_model), device="cpu").load()
    assert transformers.PreTrainedModel.__dict__["from_pretrained"] is before
