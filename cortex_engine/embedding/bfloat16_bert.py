"""The packaged model in bfloat16, for passages: about twice the speed of float32 where the processor can multiply it.

Only matrix products are bfloat16; residuals, normalisation, softmax sums and pooling stay float32. The vectors agree
with the float32 graph's to a cosine of .9999 or better, so both belong to one space (figures: docs/benchmarks).
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.optional import require
from cortex_engine.embedding.batching import Ids, Mask
from cortex_engine.embedding.minilm import BertShape

_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


def processor_multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """True where bfloat16 products are instructions; elsewhere they are emulated, and slower than float32.

    Read from the kernel, as asking torch would cost its import. False where the kernel does not tell.
    """
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return False
    return any(name in flags.split() for name in _INSTRUCTIONS)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One encoder layer: (weight, bias) of products in bfloat16, (scale, shift) of norms in float32."""

    qkv: tuple[Any, Any]
    attention_output: tuple[Any, Any]
    attention_norm: tuple[Any, Any]
    intermediate: tuple[Any, Any]
    output: tuple[Any, Any]
    output_norm: tuple[Any, Any]


class Bfloat16Bert:
    """A loaded model; `run` and `apply` may be called from several threads at once.

    Args:
        weights: of the published model.
        shape: its dimensions.
        threads: batches computed at the same time by `apply`; 0 for one a processor.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], shape: BertShape, threads: int = 0) -> None:
        self._torch: Any = require("torch", "to embed documents in bfloat16", "pip install torch")
        self._shape = shape
        self._count = threads or os.cpu_count() or 1
        self._threads = _single_threaded_workers(self._torch, self._count)
        tensors = {name: self._torch.from_numpy(value) for name, value in weights.items()}
        kind = tensors["embeddings.token_type_embeddings.weight"][0]
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._positions = tensors["embeddings.position_embeddings.weight"][: shape.positions] + kind
        self._norm = _norm(tensors, "embeddings")
        self._layers = [self._layer(tensors, f"encoder.layer.{index}.") for index in range(shape.layers)]

    def _layer(self, tensors: Mapping[str, Any], prefix: str) -> _Layer:
        half = self._torch.bfloat16
        # The scale of the scores is folded into the queries before rounding: one pass less over the scores.
        scale = 1.0 / math.sqrt(self._shape.width // self._shape.heads)
        parts = [(prefix + f"attention.self.{name}", scale if name == "query" else 1.0) for name in _PROJECTIONS]
        weight = self._torch.cat([tensors[f"{name}.weight"] * factor for name, factor in parts])
        bias = self._torch.cat([tensors[f"{name}.bias"] * factor for name, factor in parts])

        def dense(name: str) -> tuple[Any, Any]:
            return tensors[f"{prefix}{name}.weight"].to(half), tensors[f"{prefix}{name}.bias"].to(half)

        return _Layer(
            qkv=(weight.to(half), bias.to(half)),
            attention_output=dense("attention.output.dense"),
            attention_norm=_norm(tensors, f"{prefix}attention.output"),
            intermediate=dense("intermediate.dense"),
            output=dense("output.dense"),
            output_norm=_norm(tensors, f"{prefix}output"),
        )

    def apply(
        self, work: Callable[[list[int]], NDArray[np.float32]], batches: Sequence[list[int]]
    ) -> Iterator[NDArray[np.float32]]:
        """`map` with several batches at a time, each by one thread.

        Threads inside each small product wait for one another dozens of times a batch; on two busy processors that made
        embedding three times slower, and every waiting thread burns its processor.
        """
        # Few at a time, so that a short document does not wait behind all the batches of a long one.
        begun: deque[Future[NDArray[np.float32]]] = deque()
        for batch in batches:
            begun.append(self._threads.submit(work, batch))
            if len(begun) > self._count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()

    def run(self, ids: Ids, mask: Mask) -> NDArray[np.float32]:
        """Unit vectors, float32 `(batch, width)`."""
        functional = self._torch.nn.functional
        with self._torch.inference_mode():
            tokens, present = self._torch.from_numpy(ids), self._torch.from_numpy(mask)
            padded = None if mask.all() else (1.0 - present.to(self._torch.bfloat16))[:, None, None, :] * -1e4
            hidden = functional.embedding(tokens, self._words) + self._positions[: ids.shape[1]]
            hidden = self._normalise(hidden, self._norm)
            for layer in self._layers:
                hidden = self._apply(layer, hidden, padded)
            pooled = (hidden * present[:, :, None]).sum(1)
            vectors: NDArray[np.float32] = functional.normalize(pooled, dim=-1).numpy()
        return vectors

    def _apply(self, layer: _Layer, hidden: Any, padded: Any) -> Any:
        half, functional = self._torch.bfloat16, self._torch.nn.functional
        attended = self._attend(functional.linear(hidden.to(half), *layer.qkv), padded)
        hidden = self._normalise(hidden + functional.linear(attended, *layer.attention_output), layer.attention_norm)
        wide = functional.gelu(functional.linear(hidden.to(half), *layer.intermediate))
        return self._normalise(hidden + functional.linear(wide, *layer.output), layer.output_norm)

    def _attend(self, qkv: Any, padded: Any) -> Any:
        """Plain products: for 32 numbers a head they are faster than torch's flash kernel for the CPU."""
        batch, length, heads = qkv.shape[0], qkv.shape[1], self._shape.heads
        split = qkv.view(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4).reshape(3, batch * heads, length, -1)
        scores = self._torch.bmm(split[0], split[1].transpose(1, 2))
        if padded is not None:
            scores = (scores.view(batch, heads, length, length) + padded).view(batch * heads, length, length)
        mixed = self._torch.bmm(self._torch.softmax(scores, -1), split[2])
        return mixed.view(batch, heads, length, -1).transpose(1, 2).reshape(batch, length, -1)

    def _normalise(self, value: Any, norm: tuple[Any, Any]) -> Any:
        return self._torch.nn.functional.layer_norm(value, (self._shape.width,), *norm, self._shape.epsilon)


def _single_threaded_workers(torch: Any, count: int) -> ThreadPoolExecutor:
    """A pool in whose threads torch uses one thread; what it does in other threads stays as it was."""

    def alone() -> None:
        others = torch.get_num_threads()  # also makes this thread take its number now, and never again
        torch.set_num_threads(1)
        restoring = Thread(target=torch.set_num_threads, args=(others,))  # the number for threads to come
        restoring.start()
        restoring.join()

    return ThreadPoolExecutor(count, thread_name_prefix="embed", initializer=alone)


_PROJECTIONS = ("query", "key", "value")


def _norm(tensors: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    return tensors[f"{name}.LayerNorm.weight"], tensors[f"{name}.LayerNorm.bias"]
