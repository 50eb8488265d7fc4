"""Write tiny Qwen3-VL checkpoints in the layout of the published ones, bit for bit the same every time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.qwen3_vl_kit.architecture import SEED, TEXT, draw, model_config, tensor_shapes
from tests.qwen3_vl_kit.tokenizer import CHAT_TEMPLATE, RERANKER_TEMPLATE, build_tokenizer, tokenizer_config

HERE = Path(__file__).resolve().parent
MIN_PIXELS, MAX_PIXELS = 65536, 16777216
"""What the published checkpoints carry. The official embedding and reranking code resizes to 4096 .. 1843200 pixels
instead, so whoever does not set those limits meets other numbers than the reference."""
MULTIVECTOR_DIMENSION = 128
BODY = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
VERSION = {"sentence_transformers": "6.2.0", "transformers": "5.23.0", "pytorch": "2.13.0"}


def write_checkpoints(out: Path) -> Path:
    """All of them below `out`, as the fixture `qwen3_vl_models` describes.

    embedding, reranker, multivector: random weights. trained_embedding, trained_reranker: with weights that know four
    colours and four shapes. bare_…: each without the module files of sentence-transformers, as transformers saves it.
    """
    for prefix, bare in (("", False), ("bare_", True)):
        write_embedding(out / f"{prefix}embedding", bare)
        write_reranker(out / f"{prefix}reranker", bare)
        write_multivector(out / f"{prefix}multivector", bare)
        write_embedding(out / f"{prefix}trained_embedding", bare)
        shutil.copyfile(HERE / "trained/embedding.safetensors", out / f"{prefix}trained_embedding/model.safetensors")
        write_reranker(out / f"{prefix}trained_reranker", bare, tie=True)
        shutil.copyfile(HERE / "trained/reranker.safetensors", out / f"{prefix}trained_reranker/model.safetensors")
    return out


def write_embedding(folder: Path, bare: bool = False) -> None:
    """An embedding model with random weights and a tied head."""
    write_base(folder, SEED, tie=True)
    if not bare:
        types = ("sentence_transformer.modules.pooling.Pooling", "base.modules.normalize.Normalize")
        write_modules(folder, *types)
        write_body(
            folder, "feature-extraction", "last_hidden_state", "token_embeddings", {"add_generation_prompt": True}
        )
        pooling = {"embedding_dimension": TEXT["hidden"], "pooling_mode": "lasttoken", "include_prompt": True}
        dump(folder / "1_Pooling" / "config.json", pooling)
        write_facts(folder, "SentenceTransformer", similarity_fn_name="cosine")


def write_reranker(folder: Path, bare: bool = False, tie: bool = False) -> None:
    """A reranker with random weights; `tie`: its head is the token table, as in the published 2B."""
    ids = write_base(folder, SEED + 1, tie=tie)
    (folder / "additional_chat_templates").mkdir(exist_ok=True)
    (folder / "additional_chat_templates" / "reranker.jinja").write_text(RERANKER_TEMPLATE, encoding="utf-8")
    if not bare:
        write_modules(folder, "cross_encoder.modules.logit_score.LogitScore")
        write_body(folder, "any-to-any", "logits", "causal_logits", {"chat_template": "reranker"})
        tokens = {"true_token_id": ids["yes"], "false_token_id": ids["no"], "module_input_name": "causal_logits"}
        dump(folder / "1_LogitScore" / "config.json", tokens)
        write_facts(folder, "CrossEncoder", activation_fn="torch.nn.modules.linear.Identity")


def write_multivector(folder: Path, bare: bool = False) -> None:
    """A late-interaction model with random weights."""
    write_base(folder, SEED, tie=True)
    if bare:
        return
    mask = "multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"
    write_modules(folder, "base.modules.dense.Dense", mask, "base.modules.normalize.Normalize")
    write_body(folder, "feature-extraction", "last_hidden_state", "token_embeddings", {"add_generation_prompt": True})
    dense = {
        "in_features": TEXT["hidden"],
        "out_features": MULTIVECTOR_DIMENSION,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
        "module_input_name": "token_embeddings",
        "module_output_name": "token_embeddings",
    }
    dump(folder / "1_Dense" / "config.json", dense)
    shape = (MULTIVECTOR_DIMENSION, TEXT["hidden"])
    weight = np.random.Generator(np.random.PCG64([SEED, 7])).standard_normal(shape) / np.sqrt(TEXT["hidden"])
    tensors = {"linear.weight": np.ascontiguousarray(weight.astype(np.float32))}
    save_file(tensors, folder / "1_Dense" / "model.safetensors", metadata={"format": "pt"})
    masking = {"skiplist_words": [], "skiplist_tasks": ["document"], "keep_only_token_ids": None}
    dump(folder / "2_MultiVectorMask" / "config.json", masking)
    dump(folder / "3_Normalize" / "config.json", {"module_input_name": "token_embeddings"})
    write_facts(folder, "MultiVectorEncoder", similarity_fn_name="maxsim")


def write_base(folder: Path, seed: int, tie: bool) -> dict[str, int]:
    """What transformers reads: configuration, weights, tokenizer, picture processors. Returns token -> id."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, ids = build_tokenizer()
    dump(folder / "tokenizer.json", tokenizer)
    dump(folder / "tokenizer_config.json", tokenizer_config(ids))
    # The slow files too, as in the published repositories.
    dump(folder / "vocab.json", tokenizer["model"]["vocab"])
    merges = "\n".join(" ".join(pair) for pair in tokenizer["model"]["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    write_picture_processors(folder)
    dump(folder / "config.json", model_config(ids, tie))
    tensors = {name: draw(name, shape, seed) for name, shape in tensor_shapes(len(ids), tie).items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return ids


def write_picture_processors(folder: Path) -> None:
    """How pictures and videos become patches."""
    shared = {
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "processor_class": "Qwen3VLProcessor",
    }
    size = {"longest_edge": MAX_PIXELS, "shortest_edge": MIN_PIXELS}
    image = {"size": size, "image_processor_type": "Qwen2VLImageProcessorFast", **shared}
    dump(folder / "preprocessor_config.json", image)
    size = {"longest_edge": 25165824, "shortest_edge": 4096}
    video = {"size": size, "video_processor_type": "Qwen3VLVideoProcessor", **shared}
    dump(folder / "video_preprocessor_config.json", video)


def write_modules(folder: Path, *types: str) -> None:
    """`modules.json`: the body, then a module of each type (dotted, below `sentence_transformers`)."""
    rows = [
        {
            "idx": index,
            "name": str(index),
            "path": f"{index}_{kind.rsplit('.', 1)[-1]}",
            "type": f"sentence_transformers.{kind}",
        }
        for index, kind in enumerate(types, 1)
    ]
    dump(folder / "modules.json", [BODY, *rows])


def write_body(folder: Path, task: str, output: str, name: str, template: dict[str, Any]) -> None:
    """`sentence_bert_config.json`: what the body is asked for and what it gives."""
    entry = {"method": "forward", "method_output_name": output}
    kinds = {kind: dict(entry) for kind in ("text", "image", "video")}
    said = {
        "transformer_task": task,
        "modality_config": {**kinds, "message": {**entry, "format": "structured"}},
        "module_output_name": name,
        "processing_kwargs": {"chat_template": template},
        "unpad_inputs": False,
    }
    dump(folder / "sentence_bert_config.json", said)


def write_facts(folder: Path, kind: str, similarity_fn_name: str = "", activation_fn: str = "") -> None:
    """`config_sentence_transformers.json`."""
    before = {"similarity_fn_name": similarity_fn_name} if similarity_fn_name else {}
    after = {"activation_fn": activation_fn} if activation_fn else {}
    prompts = {"prompts": {}, "default_prompt_name": None}
    said = {"__version__": VERSION, "model_type": kind, **before, **prompts, **after}
    dump(folder / "config_sentence_transformers.json", said)


def dump(path: Path, value: object) -> None:
    """Write JSON as the published repositories have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
