"""BERT with mean pooling as an ONNX graph, written by hand from its weights: needs numpy and onnx, not torch.

The operators of the domain com.microsoft are onnxruntime's fused kernels (its transformer optimiser would arrive at
the same graph, at every start); all of them are implemented for the CPU in float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cortex_engine.embedding.minilm import BertShape

GRAPH_VERSION = 1
"""Counts up when this module makes another graph of the same weights."""
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "embedding"
TOKENS = "tokens"

Weights = Mapping[str, NDArray[np.float32]]


class _Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[object] = []
        self.constants: list[object] = []

    def constant(self, name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, *, fused: bool = False, **attributes: object) -> str:
        from onnx import helper

        domain = "com.microsoft" if fused else ""
        outputs = [output, f"{output}_mask_index"] if operator == "EmbedLayerNormalization" else [output]
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return output


def build_graph(weights: Weights, shape: BertShape) -> bytes:
    """The serialised model: int32 `(batch, length)` ids and mask -> float32 `(batch, width)`, L2-normalised.

    The same weights give the same bytes. Source: Devlin et al. 2019 (BERT); Reimers and Gurevych 2019 (mean pooling).
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    hidden = _embeddings(graph, weights, shape)
    for index in range(shape.layers):
        hidden = _layer(graph, weights, shape, index, hidden)
    _pooling(graph, hidden)
    body = helper.make_graph(
        graph.nodes,
        "bert",
        [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "length"]) for name in INPUTS],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", shape.width])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(body, opset_imports=opsets, ir_version=8, producer_name="cortex-suite")
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def with_token_vectors(graph: bytes, shape: BertShape) -> bytes:
    """A serialised model of `build_graph` that gives the last layer too, float32 `(batch, length, width)`, as `TOKENS`."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(graph)
    last = f"{shape.layers - 1}.output"
    model.graph.node.append(helper.make_node("Identity", [last], [TOKENS]))
    model.graph.output.append(
        helper.make_tensor_value_info(TOKENS, TensorProto.FLOAT, ["batch", "length", shape.width])
    )
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _embeddings(graph: _Graph, weights: Weights, shape: BertShape) -> str:
    """Words + positions, normalised. Every token is of type 0, so that type's vector is added to the positions."""
    positions = weights["embeddings.position_embeddings.weight"][: shape.positions]
    words = graph.constant("words", weights["embeddings.word_embeddings.weight"])
    places = graph.constant("positions", positions + weights["embeddings.token_type_embeddings.weight"][0])
    scale = graph.constant("embeddings_scale", weights["embeddings.LayerNorm.weight"])
    shift = graph.constant("embeddings_shift", weights["embeddings.LayerNorm.bias"])
    inputs = ["input_ids", "", words, places, "", scale, shift]
    return graph.node("EmbedLayerNormalization", inputs, "embeddings", fused=True, epsilon=shape.epsilon)


def _layer(graph: _Graph, weights: Weights, shape: BertShape, index: int, hidden: str) -> str:
    def tensor(name: str) -> NDArray[np.float32]:
        return weights[f"encoder.layer.{index}.{name}"]

    def constant(name: str, value: NDArray[np.float32]) -> str:
        return graph.constant(f"{index}.{name}", value)

    def normalised(name: str, projected: str, residual: str) -> str:
        scale = constant(f"{name}.scale", tensor(f"{name}.LayerNorm.weight"))
        shift = constant(f"{name}.shift", tensor(f"{name}.LayerNorm.bias"))
        bias = constant(f"{name}.bias", tensor(f"{name}.dense.bias"))
        inputs = [projected, residual, scale, shift, bias]
        return graph.node("SkipLayerNormalization", inputs, f"{index}.{name}", fused=True, epsilon=shape.epsilon)

    def product(name: str, value: str) -> str:
        matrix = constant(f"{name}.matrix", tensor(f"{name}.dense.weight").T)
        return graph.node("MatMul", [value, matrix], f"{index}.{name}.product")

    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    matrix = constant("qkv", np.concatenate([tensor(f"{part}.weight").T for part in parts], axis=1))
    bias = constant("qkv_bias", np.concatenate([tensor(f"{part}.bias") for part in parts]))
    attended = graph.node(
        "Attention", [hidden, matrix, bias, "attention_mask"], f"{index}.attended", fused=True, num_heads=shape.heads
    )
    hidden = normalised("attention.output", product("attention.output", attended), hidden)
    bias = constant("intermediate.bias", tensor("intermediate.dense.bias"))
    wide = graph.node("BiasGelu", [product("intermediate", hidden), bias], f"{index}.intermediate", fused=True)
    return normalised("output", product("output", wide), hidden)


def _pooling(graph: _Graph, hidden: str) -> None:
    """Sum of the tokens' vectors, scaled to length 1: the division of a mean cancels out."""
    from onnx import TensorProto

    axis = graph.constant("axis", np.array([1], np.int64))
    weight = graph.node("Cast", ["attention_mask"], "mask_float", to=TensorProto.FLOAT)
    weight = graph.node("Unsqueeze", [weight, axis], "mask_row")
    total = graph.node("MatMul", [weight, hidden], "total_row")
    total = graph.node("Squeeze", [total, axis], "total")
    graph.node("LpNormalization", [total], OUTPUT, axis=-1, p=2)
