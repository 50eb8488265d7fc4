"""Qwen3-VL checkpoints as files: what is read without loading, what is refused, what is missing on a machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cortex_engine.checkpoints.scaling import scaled_size
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder, Qwen3VLOptions
from cortex_engine.embedding.qwen3_vl_inputs import instruction_sentence
from cortex_engine.embedding.qwen3_vl_video import chosen_frames

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.xdist_group("qwen3_vl")
LAYER = "model.language_model.layers.0.mlp.up_proj.weight"


@pytest.fixture
def copied(qwen3_vl_models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(qwen3_vl_models / "embedding", tmp_path / "model"))


def edited(path: Path, change: Callable[[dict], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def without(folder: Path, *names: str, extra: str = "") -> None:
    """Write the weights again without some tensors, or with one that nobody knows."""
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if not name.startswith(tuple(names) or ("none",))}
    if extra:
        kept[extra] = next(iter(tensors.values()))
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def spec_of(folder: Path, **options: object):
    return Qwen3VLEmbedder(str(folder), Qwen3VLOptions(**options)).spec


def test_the_identity_is_read_from_the_files_without_weights(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes(b"not weights")
    spec = spec_of(copied)
    assert (spec.backend, spec.model, spec.dimension, spec.pooling, spec.normalised) == (
        "qwen3_vl",
        "model",
        64,
        "lasttoken",
        True,
    )
    assert (spec.max_tokens, spec.min_pixels, spec.max_pixels, spec.sees) == (8192, 4096, 1843200, True)
    assert spec.query_instruction == spec.document_instruction == "Represent the user's input."


def test_whatever_changes_the_vectors_changes_the_identity(copied: Path) -> None:
    changes = [
        {},
        {"dimension": 32},
        {"max_pixels": 500_000},
        {"query_instruction": "Find birds."},
        {"document_instruction": "Find birds."},
    ]
    ids = [spec_of(copied, **change).id for change in changes]
    data = bytearray((copied / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copied / "model.safetensors").write_bytes(data)
    ids.append(spec_of(copied).id)
    assert len(set(ids)) == len(ids)
    for option in ({"device": "cpu"}, {"precision": "float16"}, {"batch_size": 2}, {"flash_attention": False}):
        assert spec_of(copied, **option).id == ids[-1]


def test_instructions_come_from_the_caller_the_files_the_published_name_or_the_default(copied: Path) -> None:
    assert spec_of(copied).query_instruction == "Represent the user's input."
    published = Path(shutil.copytree(copied, copied.parent / "Qwen3-VL-Embedding-2B"))
    assert spec_of(published).query_instruction == "Retrieve images or text relevant to the user's query."
    edited(published / "config_sentence_transformers.json", lambda value: value.update(prompts={"query": "Find it"}))
    assert spec_of(published).query_instruction == "Find it."
    assert spec_of(published, query_instruction=" Find birds ").query_instruction == "Find birds."


@pytest.mark.parametrize(
    ("given", "expected"),
    [("Find birds", "Find birds."), (" Find birds! ", "Find birds!"), ("找鸟。", "找鸟。"), ("Find (birds)", "Find (birds)"),
     ("a+b", "a+b."), ("  ", "Represent the user's input."), ("x <|im_end|>", "x < |im_end|>.")],
)  # fmt: skip
def test_instructions_end_as_the_official_code_ends_them(given: str, expected: str) -> None:
    assert instruction_sentence(given) == expected


@pytest.mark.parametrize("name", ["reranker", "bare_reranker", "trained_reranker", "bare_trained_reranker"])
def test_a_reranker_is_no_embedding_model(name: str, qwen3_vl_models: Path, tmp_path: Path) -> None:
    renamed = Path(shutil.copytree(qwen3_vl_models / name, tmp_path / "model"))
    for folder in (qwen3_vl_models / name, renamed):
        with pytest.raises(ModelUnavailableError, match="is a reranker: it judges pairs"):
            spec_of(folder)


def test_other_models_are_refused_in_words(qwen3_vl_models: Path, copied: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="late-interaction"):
        spec_of(qwen3_vl_models / "multivector")
    edited(copied / "config.json", lambda value: value.pop("vision_config"))
    with pytest.raises(ModelUnavailableError, match="no vision tower"):
        spec_of(copied)
    edited(copied / "config.json", lambda value: value.update(model_type="bert"))
    with pytest.raises(ModelUnavailableError, match="no Qwen3-VL model: its config.json says 'bert'"):
        spec_of(copied)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"x"', '{"model_type": "qwen3_vl", "vision_config": {}, "text_config": 5}',
                                  '{"model_type": "qwen3_vl", "vision_config": {}, "text_config": {"hidden_size": "x"}}'])  # fmt: skip
def test_a_damaged_configuration_is_named(text: str, copied: Path) -> None:
    (copied / "config.json").write_text(text)
    with pytest.raises(ModelUnavailableError, match="config.json"):
        spec_of(copied)


def lose_a_shard(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a shard is missing": (lose_a_shard, "lacks model-00002-of-00002.safetensors"),
    "a pickle only": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "a pickle"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no weights"),
    "cut off": (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:300_000]), "cannot be loaded"),
    "no safetensors at all": (lambda f: (f / "model.safetensors").write_bytes(b"PK\x03\x04" * 100), "cannot be loaded"),
    "a layer is missing": (lambda f: without(f, LAYER), "they lack"),
    "the vision tower is missing": (lambda f: without(f, "model.visual."), "they lack"),
    "something is too much": (lambda f: without(f, extra="model.language_model.surplus.weight"), "hold unknown"),
    "other sizes": (lambda f: edited(f / "config.json", lambda value: value["text_config"].update(hidden_size=128)), "cannot be loaded"),
    "random settings": (lambda f: edited(f / "config.json", lambda value: value["vision_config"].update(depth="many")), "cannot be loaded"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer"),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_checkpoint_is_refused_with_its_cause(what: str, copied: Path) -> None:
    damage, said = BREAKS[what]
    damage(copied)
    with pytest.raises(ModelUnavailableError, match=said):
        Qwen3VLEmbedder(str(copied), Qwen3VLOptions(device="cpu")).embed_query("x")


def test_an_untied_head_takes_no_part(copied: Path) -> None:
    embedder = Qwen3VLEmbedder(str(copied), Qwen3VLOptions(device="cpu"))
    before = embedder.embed_query("red circle")
    without(copied, extra="lm_head.weight")
    again = Qwen3VLEmbedder(str(copied), Qwen3VLOptions(device="cpu")).embed_query("red circle")
    assert (before == again).all()


def test_a_model_that_is_not_here_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="set to offline.*qwen3_vl_embedding_model"):
        Qwen3VLEmbedder("Qwen/Qwen3-VL-Embedding-2B", Qwen3VLOptions(offline=True)).load()
    with pytest.raises(ModelUnavailableError, match="is not there.*qwen3_vl_embedding_model"):
        Qwen3VLEmbedder(str(tmp_path / "gone")).load()


def test_a_device_that_is_not_there_is_named(copied: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="device 'cuda:7' is not there"):
        Qwen3VLEmbedder(str(copied), Qwen3VLOptions(device="cuda:7")).load()


ABSENT = """
import sys
for name in sys.argv[2].split(","):
    sys.modules[name] = None  # as if it were not installed
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.qwen3_vl_embedding_service import Qwen3VLEmbeddingService
service = Qwen3VLEmbeddingService(sys.argv[1], device="cpu")
print(service.full_dimensions)
try:
    service.embed_text("x")
except ModelUnavailableError as error:
    print(error)
"""


@pytest.mark.parametrize("absent", ["torch", "torchvision", "sentence_transformers", "transformers"])
def test_without_a_library_the_identity_is_known_and_the_rest_is_a_sentence(
    absent: str, qwen3_vl_models: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ABSENT, str(qwen3_vl_models / "embedding"), absent],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"CORTEX_DATA_DIR": str(tmp_path), "PATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    dimensions, sentence = done.stdout.strip().splitlines()
    assert dimensions == "64"
    assert absent in sentence
    assert "pip install -r requirements-qwen3-vl.txt" in sentence


IMPORTS = """
import sys
import cortex_engine.qwen3_vl_embedding_service
assert not {"torch", "torchvision", "transformers", "sentence_transformers", "PIL", "cv2"} & set(sys.modules)
"""


def test_a_torchvision_that_does_not_work_is_a_sentence(qwen3_vl_models: Path, tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise OSError('libcudart.so.99: cannot open')")
    done = subprocess.run(
        [sys.executable, "-c", ABSENT, str(qwen3_vl_models / "embedding"), "flash_attn"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"CORTEX_DATA_DIR": str(tmp_path), "PATH": "", "PYTHONPATH": str(tmp_path)},
        check=True,
    )
    assert "libcudart.so.99: cannot open" in done.stdout
    assert "pip install -r requirements-qwen3-vl.txt" in done.stdout


def test_importing_the_door_loads_no_heavy_library() -> None:
    subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, check=True)


@given(st.integers(17, 9000), st.integers(17, 9000), st.sampled_from([4096, 65536, 1843200]))
def test_pictures_are_scaled_by_the_processor_s_rule_where_that_is_the_official_one(
    width: int, height: int, most: int
) -> None:
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    assume(max(width, height) <= 200 * min(width, height))
    scaled = scaled_size(width, height, 4096, most)
    assert scaled == smart_resize(height, width, 32, 4096, most)[::-1]


def test_narrow_pictures_are_scaled_by_the_official_rule() -> None:
    assert scaled_size(1, 112, 4096, 1843200) == (32, 128)
    assert scaled_size(1, 1, 4096, 1843200) == (64, 64)
    assert scaled_size(6000, 30, 4096, 65536) == (3616, 32)


def test_frames_of_a_video_are_one_a_second_and_never_too_many() -> None:
    assert chosen_frames(1, 25.0) == [0]
    assert chosen_frames(100, 25.0) == [0, 33, 66, 99]
    assert len(chosen_frames(25 * 11, 25.0)) == 10
    assert len(chosen_frames(25 * 3600, 25.0)) == 64
