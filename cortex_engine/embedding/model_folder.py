"""The folder of a sentence-transformers model: found, checked and described without loading its weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.identifiers import file_hash
from cortex_engine.core.optional import require

_DESCRIPTION = ["*.json", "*/*.json", "*.txt", "*.model"]
_WEIGHTS = ["*.safetensors", "*/*.safetensors"]
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_POOLING_NAMES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "lasttoken",
}
_RESERVED_POSITIONS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}
"""Model types that keep the first numbers of their position table for padding."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the files of a model say of it."""

    dimension: int
    pooling: str
    max_tokens: int
    prompts: dict[str, str]


def find_folder(model: str, *, offline: bool, weights: bool) -> Path:
    """The model's folder: `model` itself where it is one, else from the Hub's cache, else fetched.

    What is already here is taken as it is, so that a start neither waits for the network nor changes the revision.

    Args:
        model: folder or Hub name.
        offline: never fetch.
        weights: whether the weights are needed too, or only the description.

    Raises:
        ModelUnavailableError: it is not here and cannot be fetched.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith((".", "~")):
        raise ModelUnavailableError(
            f"The folder {folder} of the embedding model is not there. Put the model there, or correct the setting "
            "'embedding_model'."
        )
    wanted = [*_DESCRIPTION, *(_WEIGHTS if weights else [])]
    try:
        cached = _snapshot(model, wanted, local=True)
    except Exception as error:  # the Hub's client raises many kinds; each means "not in the cache"
        if offline:
            raise ModelUnavailableError(_unreachable(model, "work is set to offline")) from error
    else:
        if offline or not weights or any(cached.glob("**/*.safetensors")):
            return cached
    try:
        return _snapshot(model, wanted, local=False)
    except Exception as error:  # as above: names, rights, certificates, time-outs, full disks
        raise ModelUnavailableError(_unreachable(model, f"{type(error).__name__}: {_first_line(error)}")) from error


def _snapshot(model: str, patterns: list[str], *, local: bool) -> Path:
    hub: Any = require("huggingface_hub", "to find models", "pip install huggingface_hub")
    return Path(hub.snapshot_download(model, allow_patterns=patterns, local_files_only=local))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0].rstrip(".")


def _unreachable(model: str, cause: str) -> str:
    return (
        f"The embedding model {model} is not on this machine and cannot be fetched ({cause}). Put its folder on this "
        "machine and set 'embedding_model' to that folder, allow the network, or set 'embedding_backend' to 'packaged'."
    )


def describe(folder: Path, name: str) -> Description:
    """Read the model's own configuration files.

    Raises:
        ModelUnavailableError: they are missing, damaged, or ask for code that is not sentence-transformers' own.
    """
    modules = _modules(folder, name)
    config = _json(folder / "config.json", name)
    pooling: dict[str, Any] = {}
    dimension = int(config.get("hidden_size", config.get("dim", 0)))
    for kind, place in modules:
        if kind == "Pooling":
            pooling = _json(place / "config.json", name)
            dimension = int(pooling.get("embedding_dimension", pooling.get("word_embedding_dimension", dimension)))
        elif kind == "Dense":
            dimension = int(_json(place / "config.json", name)["out_features"])
    prompts = _json(folder / "config_sentence_transformers.json", name, optional=True).get("prompts") or {}
    return Description(dimension, _pooling_name(pooling), _max_tokens(folder, config, name), prompts)


def _modules(folder: Path, name: str) -> list[tuple[str, Path]]:
    """(class name, folder) of each module."""
    path = folder / "modules.json"
    if not path.is_file():
        raise ModelUnavailableError(
            f"The folder {folder} is not a sentence-transformers model: modules.json is missing, so nobody knows how {name} "
            "makes one vector of a text. Use a model that was saved by sentence-transformers."
        )
    found = []
    for module in _json_list(path, name):
        kind = str(module.get("type", ""))
        if not kind.startswith("sentence_transformers."):
            raise ModelUnavailableError(
                f"The embedding model {name} wants to run code of its own ({kind}), which is never done. Use another model."
            )
        place = (folder / str(module.get("path", ""))).resolve()
        if not place.is_relative_to(folder.resolve()):
            raise ModelUnavailableError(f"The file {path} points out of the model's folder. Use another model.")
        found.append((kind.rsplit(".", 1)[-1], folder / str(module.get("path", ""))))
    return found


def _pooling_name(pooling: dict[str, Any]) -> str:
    modern = pooling.get("pooling_mode")
    if modern:
        return modern if isinstance(modern, str) else "+".join(modern)
    active = [word for key, word in _POOLING_NAMES.items() if pooling.get(key)]
    return "+".join(active) or "none"


def _max_tokens(folder: Path, config: dict[str, Any], name: str) -> int:
    limits = []
    positions = config.get("max_position_embeddings")
    if positions:
        limits.append(int(positions) - _RESERVED_POSITIONS.get(str(config.get("model_type")), 0))
    for file, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        value = _json(folder / file, name, optional=True).get(key)
        if value:
            limits.append(int(value))
    if not limits:
        raise ModelUnavailableError(f"No file of the embedding model {name} in {folder} says how long a text may be.")
    return min(limits)


def check_weights(folder: Path, name: str) -> None:
    """Refuse pickles, whose loading executes code, and folders without weights.

    Raises:
        ModelUnavailableError: a module has weights only as a pickle, or the encoder has none.
    """
    for kind, place in _modules(folder, name):
        safe = any(place.glob("*.safetensors"))
        pickled = next((path for path in sorted(place.glob("*")) if path.suffix in _PICKLES), None)
        if not safe and pickled is not None:
            raise ModelUnavailableError(
                f"The embedding model {name} has its weights only as {pickled.name}, a pickle, whose loading can execute "
                "code. Use a model that is published as safetensors, or convert it on a machine you can afford to lose."
            )
        if kind == "Transformer" and not safe:
            raise ModelUnavailableError(
                f"The embedding model {name} has no weights in {place}. Copy its model.safetensors there, or fetch it again."
            )


def revision_of(folder: Path) -> str:
    """The Hub's commit for a folder in its cache, else a SHA-256 over the files that decide the vectors."""
    if folder.parent.name == "snapshots":
        return folder.name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".safetensors", ".json"} and path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\x00{file_hash(path)}\n".encode())
    return digest.hexdigest()


def _json(path: Path, name: str, *, optional: bool = False) -> dict[str, Any]:
    if optional and not path.is_file():
        return {}
    value = _read(path, name)
    if not isinstance(value, dict):
        raise ModelUnavailableError(_damaged(path, name, "not an object"))
    return value


def _json_list(path: Path, name: str) -> list[dict[str, Any]]:
    value = _read(path, name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ModelUnavailableError(_damaged(path, name, "not a list of modules"))
    return value


def _read(path: Path, name: str) -> object:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailableError(_damaged(path, name, str(error))) from error
    return value


def _damaged(path: Path, name: str, cause: str) -> str:
    return f"The file {path} of the embedding model {name} cannot be used ({cause}). Copy or fetch the model again."
