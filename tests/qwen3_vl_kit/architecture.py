"""Configuration and tensors of the tiny checkpoints, without torch: the same bytes whatever its version."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 20260118

Shape = tuple[int, ...]
TEXT = {"hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 16, "mlp": 128}
VISION = {"hidden": 32, "depth": 3, "heads": 2, "mlp": 64, "patch": 16, "temporal": 2, "merge": 2, "positions": 64}
DEEPSTACK = [0, 1]


def model_config(ids: dict[str, int], tie: bool) -> dict[str, Any]:
    """The content of `config.json`, in the layout of the published checkpoints (transformers 4.57)."""
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "dtype": "float32",
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": tie,
        "text_config": text_config(ids, tie),
        "vision_config": vision_config(),
    }


def text_config(ids: dict[str, int], tie: bool) -> dict[str, Any]:
    """Of the language model."""
    return {
        "model_type": "qwen3_vl_text",
        "dtype": "float32",
        "vocab_size": len(ids),
        "hidden_size": TEXT["hidden"],
        "intermediate_size": TEXT["mlp"],
        "num_hidden_layers": TEXT["layers"],
        "num_attention_heads": TEXT["heads"],
        "num_key_value_heads": TEXT["kv_heads"],
        "head_dim": TEXT["head_dim"],
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-6,
        "use_cache": True,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "rope_theta": 5000000,
        "rope_scaling": {"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"},
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "tie_word_embeddings": tie,
    }


def vision_config() -> dict[str, Any]:
    """Of the vision tower."""
    return {
        "model_type": "qwen3_vl",
        "depth": VISION["depth"],
        "hidden_size": VISION["hidden"],
        "hidden_act": "gelu_pytorch_tanh",
        "intermediate_size": VISION["mlp"],
        "num_heads": VISION["heads"],
        "in_channels": 3,
        "patch_size": VISION["patch"],
        "spatial_merge_size": VISION["merge"],
        "temporal_patch_size": VISION["temporal"],
        "out_hidden_size": TEXT["hidden"],
        "num_position_embeddings": VISION["positions"],
        "deepstack_visual_indexes": DEEPSTACK,
        "initializer_range": 0.02,
    }


def tensor_shapes(vocabulary: int, tie: bool) -> dict[str, Shape]:
    """Name -> shape of every tensor in `model.safetensors`."""
    head = {} if tie else {"lm_head.weight": (vocabulary, TEXT["hidden"])}
    return {**text_shapes(vocabulary), **vision_shapes(), **head}


def text_shapes(vocabulary: int) -> dict[str, Shape]:
    """Of the language model."""
    h, m, hd = TEXT["hidden"], TEXT["mlp"], TEXT["head_dim"]
    q, kv = TEXT["heads"] * hd, TEXT["kv_heads"] * hd
    layer: dict[str, Shape] = {
        "input_layernorm.weight": (h,),
        "post_attention_layernorm.weight": (h,),
        "self_attn.q_proj.weight": (q, h),
        "self_attn.k_proj.weight": (kv, h),
        "self_attn.v_proj.weight": (kv, h),
        "self_attn.o_proj.weight": (h, q),
        "self_attn.q_norm.weight": (hd,),
        "self_attn.k_norm.weight": (hd,),
        "mlp.gate_proj.weight": (m, h),
        "mlp.up_proj.weight": (m, h),
        "mlp.down_proj.weight": (h, m),
    }
    body = "model.language_model."
    shapes: dict[str, Shape] = {f"{body}embed_tokens.weight": (vocabulary, h)}
    for index in range(TEXT["layers"]):
        shapes |= {f"{body}layers.{index}.{name}": shape for name, shape in layer.items()}
    return {**shapes, f"{body}norm.weight": (h,)}


def vision_shapes() -> dict[str, Shape]:
    """Of the vision tower."""
    h, v, vm = TEXT["hidden"], VISION["hidden"], VISION["mlp"]
    merged, t, ps = v * VISION["merge"] ** 2, VISION["temporal"], VISION["patch"]
    block: dict[str, Shape] = {
        "norm1.weight": (v,),
        "norm1.bias": (v,),
        "norm2.weight": (v,),
        "norm2.bias": (v,),
        "attn.qkv.weight": (3 * v, v),
        "attn.qkv.bias": (3 * v,),
        "attn.proj.weight": (v, v),
        "attn.proj.bias": (v,),
        "mlp.linear_fc1.weight": (vm, v),
        "mlp.linear_fc1.bias": (vm,),
        "mlp.linear_fc2.weight": (v, vm),
        "mlp.linear_fc2.bias": (v,),
    }
    shapes: dict[str, Shape] = {
        "model.visual.patch_embed.proj.weight": (v, 3, t, ps, ps),
        "model.visual.patch_embed.proj.bias": (v,),
        "model.visual.pos_embed.weight": (VISION["positions"], v),
    }
    for index in range(VISION["depth"]):
        shapes |= {f"model.visual.blocks.{index}.{name}": shape for name, shape in block.items()}
    mergers = [("merger", v)] + [(f"deepstack_merger_list.{index}", merged) for index in range(len(DEEPSTACK))]
    for place, norm in mergers:
        shapes |= {
            f"model.visual.{place}.norm.weight": (norm,),
            f"model.visual.{place}.norm.bias": (norm,),
            f"model.visual.{place}.linear_fc1.weight": (merged, merged),
            f"model.visual.{place}.linear_fc1.bias": (merged,),
            f"model.visual.{place}.linear_fc2.weight": (h, merged),
            f"model.visual.{place}.linear_fc2.bias": (h,),
        }
    return shapes


def draw(name: str, shape: Shape, seed: int) -> NDArray[np.float32]:
    """One tensor from its own stream, named by the tensor: independent of order."""
    rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    values = rng.standard_normal(shape).astype(np.float64)
    if "norm" in name and name.endswith("weight"):
        out = 1.0 + 0.1 * values
    elif name.endswith("bias"):
        out = 0.02 * values
    elif name.endswith("embed_tokens.weight") or name.endswith("pos_embed.weight"):
        out = values * 0.5
    elif name == "lm_head.weight":
        out = values * 0.25
    else:
        out = values * (1.6 / np.sqrt(np.prod(shape[1:])))
    return np.ascontiguousarray(out.astype(np.float32))
