"""What a Qwen3-VL embedding checkpoint is, read from its files; the weights are not loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cortex_engine.checkpoints.folder import Purpose, damaged, read_json, read_object, revision_of
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.embedding.qwen3_vl_inputs import DOCUMENT_INSTRUCTION, QUERY_INSTRUCTION, instruction_sentence

PURPOSE = Purpose("embedding model", "qwen3_vl_embedding_model", "choose another embedding model in the settings")
MAX_TOKENS = 8192
"""The official limit of an input with its pictures; the published models could read more, but are not used so."""

_PUBLISHED = "qwen3-vl-embedding-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the files say.

    Attributes:
        dimension: length of a full vector.
        max_tokens: of one input, pictures and template included.
        revision: what pins the weights.
        query_instruction, document_instruction: what the model wants to be told.
    """

    dimension: int
    max_tokens: int
    revision: str
    query_instruction: str
    document_instruction: str


def read_checkpoint(folder: Path, model: str) -> Checkpoint:
    """Read and judge the configuration.

    Raises:
        ModelUnavailableError: the files are damaged, or those of something else than a Qwen3-VL embedding model.
    """
    path = folder / "config.json"
    config = read_object(path, model, PURPOSE)
    kind = str(config.get("model_type") or "nothing")
    if not kind.startswith("qwen3_vl"):
        raise ModelUnavailableError(
            f"{folder} holds no Qwen3-VL model: its config.json says '{kind}'. Name another in the setting "
            f"'{PURPOSE.setting}', or use it with the backend 'sentence_transformer'."
        )
    if not isinstance(config.get("vision_config"), dict):
        raise ModelUnavailableError(
            f"The embedding model {model} in {folder} has no vision tower (config.json lacks vision_config), so it sees no "
            f"pictures. Name a Qwen3-VL embedding model in the setting '{PURPOSE.setting}'."
        )
    _refuse_other_uses(folder, model)
    text = config.get("text_config")
    sizes = [text.get(key) if isinstance(text, dict) else None for key in ("hidden_size", "max_position_embeddings")]
    dimension, positions = (size if isinstance(size, int) and size > 0 else 0 for size in sizes)
    if not dimension or not positions:
        raise ModelUnavailableError(damaged(path, model, "text_config lacks hidden_size or its limit", PURPOSE))
    query, document = _instructions(folder, model)
    return Checkpoint(dimension, min(MAX_TOKENS, positions), _revision(folder, _state(folder)), query, document)


def _instructions(folder: Path, model: str) -> tuple[str, str]:
    """For queries and documents: what the files say, else the official example for the published models, else the default.

    A model that was trained on one instruction finds less with another, so the example is not put before just any model.
    """
    said = read_object(folder / "config_sentence_transformers.json", model, PURPOSE, optional=True).get("prompts")
    prompts = said if isinstance(said, dict) else {}
    example = QUERY_INSTRUCTION if _last_part(model).startswith(_PUBLISHED) else DOCUMENT_INSTRUCTION
    document = prompts.get("document") or prompts.get("passage") or DOCUMENT_INSTRUCTION
    return instruction_sentence(str(prompts.get("query") or example)), instruction_sentence(str(document))


def _refuse_other_uses(folder: Path, model: str) -> None:
    """A reranker loads as an embedding model without a complaint; its vectors mean nothing."""
    said = str(
        read_object(folder / "config_sentence_transformers.json", model, PURPOSE, optional=True).get("model_type")
    )
    modules = _module_types(folder, model)
    template = folder / "additional_chat_templates" / "reranker.jinja"
    if said == "CrossEncoder" or "LogitScore" in modules or template.is_file() or "rerank" in _last_part(model):
        raise ModelUnavailableError(
            f"{model} is a reranker: it judges pairs and makes no vectors. Name it in 'qwen3_vl_reranker_model', and an "
            f"embedding model in '{PURPOSE.setting}'."
        )
    if said == "MultiVectorEncoder" or "MultiVectorMask" in modules:
        raise ModelUnavailableError(
            f"{model} is a late-interaction model: it makes many vectors of one input, which collections cannot hold. Name "
            f"an embedding model in '{PURPOSE.setting}'."
        )


def _last_part(model: str) -> str:
    return model.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower()


def _module_types(folder: Path, model: str) -> set[str]:
    path = folder / "modules.json"
    if not path.is_file():
        return set()
    rows: Any = read_json(path, model, PURPOSE)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ModelUnavailableError(damaged(path, model, "not a list of modules", PURPOSE))
    return {str(row.get("type", "")).rsplit(".", 1)[-1] for row in rows}


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file does: gigabytes are not read twice for nothing."""
    stats = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.suffix in {".safetensors", ".json"}]
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


@lru_cache(maxsize=16)
def _revision(folder: Path, state: tuple[tuple[str, int, int], ...]) -> str:  # noqa: ARG001  (the key of the cache)
    return revision_of(folder)
