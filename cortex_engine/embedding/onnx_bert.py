"""Runs the packaged model through onnxruntime: starts in tenths of a second, without torch."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.identifiers import content_hash
from cortex_engine.core.optional import require
from cortex_engine.embedding.batching import Ids, Mask
from cortex_engine.embedding.bert_graph import GRAPH_VERSION, INPUTS, OUTPUT, TOKENS
from cortex_engine.embedding.minilm import WEIGHTS_SHA256

logger = logging.getLogger(__name__)

_DIGEST_DIGITS = 32


def cached_graph(cache_dir: Path, build: Callable[[], bytes]) -> bytes:
    """The graph from `cache_dir`, or built and kept there for the next start.

    Its name holds the weights' hash, the version of the graph and the file's own SHA-256; a file that does not match
    its name is damaged and is made again.

    Raises:
        ModelUnavailableError: the weights cannot be read, or the folder cannot be written.
    """
    stem = f"all-MiniLM-L6-v2-{WEIGHTS_SHA256[:12]}-v{GRAPH_VERSION}-"
    try:
        for path in sorted(cache_dir.glob(f"{stem}*.onnx")):
            data = path.read_bytes()
            if path.stem == stem + content_hash(data)[:_DIGEST_DIGITS]:
                return data
            logger.warning("The file %s is damaged and is made again.", path)
            path.unlink(missing_ok=True)
        data = build()
        cache_dir.mkdir(parents=True, exist_ok=True)
        _write_atomically(cache_dir / f"{stem}{content_hash(data)[:_DIGEST_DIGITS]}.onnx", data)
    except OSError as error:
        raise ModelUnavailableError(
            f"The embedding model cannot keep its graph (90 MB) in {cache_dir} ({error}). "
            "Make room or let the folder be written, then try again."
        ) from error
    return data


def _write_atomically(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class OnnxBert:
    """A loaded graph. `run` may be called from several threads at once."""

    def __init__(self, graph: bytes, threads: int) -> None:
        runtime: Any = require("onnxruntime", "to embed texts", "pip install onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.inter_op_num_threads = 1
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 3
        # Waiting threads that spin would burn the processor between the short calls of a query.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(self, ids: Ids, mask: Mask) -> NDArray[np.float32]:
        """Unit vectors, float32 `(batch, width)`."""
        vectors: NDArray[np.float32] = self._session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        return vectors

    def run_tokens(self, ids: Ids, mask: Mask) -> NDArray[np.float32]:
        """The last layer, float32 `(batch, length, width)`; only of a graph `with_token_vectors`."""
        hidden: NDArray[np.float32] = self._session.run([TOKENS], dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        return hidden
