"""The folder of a sentence-transformers model, checked and described without loading its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortex_engine.checkpoints.folder import PICKLES, damaged, read_json, read_object, refuse_pickles
from cortex_engine.core.errors import ModelUnavailableError

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


def describe(folder: Path, name: str) -> Description:
    """Read the model's own configuration files.

    Raises:
        ModelUnavailableError: they are missing, damaged, or ask for code that is not sentence-transformers' own.
    """
    modules = _modules(folder, name)
    config = read_object(folder / "config.json", name)
    pooling: dict[str, Any] = {}
    dimension = int(config.get("hidden_size", config.get("dim", 0)))
    for kind, place in modules:
        if kind == "Pooling":
            pooling = read_object(place / "config.json", name)
            dimension = int(pooling.get("embedding_dimension", pooling.get("word_embedding_dimension", dimension)))
        elif kind == "Dense":
            dimension = int(read_object(place / "config.json", name)["out_features"])
    prompts = read_object(folder / "config_sentence_transformers.json", name, optional=True).get("prompts") or {}
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
    for module in _modules_of(path, name):
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


def _modules_of(path: Path, name: str) -> list[dict[str, Any]]:
    value = read_json(path, name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ModelUnavailableError(damaged(path, name, "not a list of modules"))
    return value


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
        value = read_object(folder / file, name, optional=True).get(key)
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
        if kind == "Transformer" or any(path.suffix in PICKLES for path in place.glob("*")):
            refuse_pickles(place, name)
