"""The folder of a checkpoint: found here or fetched, and refused where it holds pickles or no weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.identifiers import file_hash
from cortex_engine.core.optional import require

_DESCRIPTION = ["*.json", "*/*.json", "*.txt", "*.model", "*.jinja"]
_WEIGHTS = ["*.safetensors", "*/*.safetensors"]
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Endings of files whose loading can execute code."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a checkpoint is wanted for, so that sentences can name it.

    Attributes:
        noun: "embedding model".
        setting: the setting that names the checkpoint.
        otherwise: what helps where it cannot be had, to stand after "or".
    """

    noun: str
    setting: str
    otherwise: str


EMBEDDING = Purpose("embedding model", "embedding_model", "set 'embedding_backend' to 'packaged'")


def shown_name(model: str) -> str:
    """A Hub name as it is, of a folder the last part of its path, whatever link leads there."""
    folder = Path(model).expanduser()
    return folder.resolve().name if folder.is_dir() else model


def find_folder(model: str, *, offline: bool, weights: bool, purpose: Purpose = EMBEDDING) -> Path:
    """The model's folder: `model` itself where it is one, else from the Hub's cache, else fetched.

    What is already here is taken as it is, so that a start neither waits for the network nor changes the revision.

    Args:
        model: folder or Hub name.
        offline: never fetch.
        weights: whether the weights are needed too, or only the description.
        purpose: for the sentences.

    Raises:
        ModelUnavailableError: it is not here and cannot be fetched.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith((".", "~")):
        raise ModelUnavailableError(
            f"The folder {folder} of the {purpose.noun} is not there. Put the model there, or correct the setting "
            f"'{purpose.setting}'."
        )
    wanted = [*_DESCRIPTION, *(_WEIGHTS if weights else [])]
    try:
        cached = _snapshot(model, wanted, local=True)
    except Exception as error:  # the Hub's client raises many kinds; each means "not in the cache"
        if offline:
            raise ModelUnavailableError(_unreachable(model, "work is set to offline", purpose)) from error
    else:
        if offline or not weights or _has_weights(cached):
            return cached
    try:
        return _snapshot(model, wanted, local=False)
    except Exception as error:  # as above: names, rights, certificates, time-outs, full disks
        cause = f"{type(error).__name__}: {_first_line(error)}"
        raise ModelUnavailableError(_unreachable(model, cause, purpose)) from error


def refuse_pickles(folder: Path, model: str, purpose: Purpose = EMBEDDING) -> None:
    """Refuse weights whose loading executes code, and a folder without any.

    Raises:
        ModelUnavailableError: there are only pickles, no weights, or not all parts of them.
    """
    if any(folder.glob("*.safetensors")):
        missing = _missing_parts(folder)
        if missing:
            raise ModelUnavailableError(
                f"The {purpose.noun} {model} is incomplete: {folder} lacks {missing[0]}"
                f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}. Copy or fetch the model again."
            )
        return
    pickled = next((path for path in sorted(folder.glob("*")) if path.suffix in PICKLES), None)
    if pickled is not None:
        raise ModelUnavailableError(
            f"The {purpose.noun} {model} has its weights only as {pickled.name}, a pickle, whose loading can execute "
            "code. Use a model that is published as safetensors, or convert it on a machine you can afford to lose."
        )
    raise ModelUnavailableError(
        f"The {purpose.noun} {model} has no weights in {folder}. Copy its model.safetensors there, or fetch it again."
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


def read_object(path: Path, model: str, purpose: Purpose = EMBEDDING, *, optional: bool = False) -> dict[str, Any]:
    """A JSON object of the model's description; {} where an optional file is absent.

    Raises:
        ModelUnavailableError: the file is missing or damaged.
    """
    if optional and not path.is_file():
        return {}
    value = read_json(path, model, purpose)
    if not isinstance(value, dict):
        raise ModelUnavailableError(damaged(path, model, "not an object", purpose))
    return value


def read_json(path: Path, model: str, purpose: Purpose = EMBEDDING) -> object:
    """Any JSON of the model's description; raises as `read_object`."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailableError(damaged(path, model, str(error), purpose)) from error
    return value


def damaged(path: Path, model: str, cause: str, purpose: Purpose = EMBEDDING) -> str:
    """The sentence for a file of the description that cannot be used."""
    return f"The file {path} of the {purpose.noun} {model} cannot be used ({cause}). Copy or fetch the model again."


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("**/*.safetensors")) and not _missing_parts(folder)


def _missing_parts(folder: Path) -> list[str]:
    """Names in the index of a checkpoint in parts that are not there."""
    index = folder / "model.safetensors.index.json"
    try:
        parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()) if index.is_file() else set()
    except (OSError, ValueError, KeyError, AttributeError):
        return []  # the loader says what is wrong with the index
    return sorted(str(part) for part in parts if not (folder / str(part)).is_file())


def _snapshot(model: str, patterns: list[str], *, local: bool) -> Path:
    hub: Any = require("huggingface_hub", "to find models", "pip install huggingface_hub")
    return Path(hub.snapshot_download(model, allow_patterns=patterns, local_files_only=local))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0].rstrip(".")


def _unreachable(model: str, cause: str, purpose: Purpose) -> str:
    return (
        f"The {purpose.noun} {model} is not on this machine and cannot be fetched ({cause}). Put its folder on this "
        f"machine and set '{purpose.setting}' to that folder, allow the network, or {purpose.otherwise}."
    )
