"""Work in batches that become smaller when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import ModelUnavailableError

logger = logging.getLogger(__name__)

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def in_batches(
    run: Callable[[list[Any]], NDArray[np.float32]], items: Sequence[Any], size: int, remedy: str
) -> NDArray[np.float32]:
    """The rows of `run` for all items, in order; a batch for which memory runs out is tried again at half the size.

    Args:
        run: a batch -> float32 `(len(batch), …)`.
        items: at least one.
        size: of a batch at first; once halved it stays so for the rest.
        remedy: what helps when even one item is too much: a whole sentence.

    Raises:
        ModelUnavailableError: memory does not even suffice for one item.
    """
    parts: list[NDArray[np.float32]] = []
    start = 0
    while start < len(items):
        try:
            parts.append(run(list(items[start : start + size])))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise ModelUnavailableError(f"Memory does not suffice for a single input. {remedy}") from error
            size = max(1, min(size, len(items) - start) // 2)
            logger.warning("Memory ran out; going on with %d inputs a step.", size)
        else:
            start += size
            continue
        release_memory()  # outside the handler: there the traceback would still hold the tensors
    return np.concatenate(parts)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says that memory ran out, on whatever device."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _WORDS)


def release_memory() -> None:
    """Give back what torch keeps in reserve on the devices."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
