"""Copies of checkpoints with one thing wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

EMBEDDINGS = "model.language_model.embed_tokens.weight"


def with_weights(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy whose tensors (numpy, by name) were changed."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(source, target)
    tensors = load_file(target / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


def with_json(source: Path, target: Path, file: str, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy in which a JSON file was changed."""
    shutil.copytree(source, target)
    value = json.loads((target / file).read_text(encoding="utf-8"))
    change(value)
    (target / file).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return target


def token(folder: Path, word: str) -> int:
    """The id of a word's single token."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return int(vocabulary[word])
