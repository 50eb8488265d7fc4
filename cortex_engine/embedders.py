"""The plug board's part for embedders: which class stands for which name, and which model for a target or a stored identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortex_engine.checkpoints.folder import shown_name
from cortex_engine.checkpoints.remembered import remember_folder, remembered_folders
from cortex_engine.config import CortexConfig
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import ConfigError, ModelMismatchError, ModelUnavailableError
from cortex_engine.core.model_targets import parse_target
from cortex_engine.core.plugs import find_plug
from cortex_engine.core.protocols import Embedder
from cortex_engine.placement import placement

if TYPE_CHECKING:
    from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder

EmbedderBuilder = Callable[[CortexConfig, str], Embedder]


def build_embedder(config: CortexConfig, backend: str = "", model: str = "") -> Embedder:
    """The embedder that the settings name for new collections, or another by backend and model name.

    Raises:
        ConfigError: no backend of this name.
        ModelUnavailableError: no size of Qwen3-VL fits this machine.
    """
    builder = find_plug("embedders", _EMBEDDERS, backend or config.new_collection_backend)
    embedder: Embedder = builder(config, model)
    return embedder


def embedder_for(config: CortexConfig, target: str) -> Embedder:
    """The embedder that a target names (`core.model_targets`); "qwen3_vl" alone is the one of the settings.

    Raises:
        UsageError: it names no model.
        ConfigError: a setting that it needs is missing.
        ModelUnavailableError: no size of Qwen3-VL fits this machine.
    """
    named = parse_target(target)
    if named.backend == "qwen3_vl" and (named.model or named.dimension):
        return qwen3_vl_embedder(config, _qwen3_vl_name(config, named.model), dimension=named.dimension)
    return build_embedder(config, named.backend, named.model)


def spec_for(config: CortexConfig, target: str) -> EmbeddingSpec:
    """The identity of the model that a target names; the weights are not loaded.

    Raises:
        UsageError, ConfigError, ModelUnavailableError: as `embedder_for` and `Embedder.spec`.
    """
    return embedder_for(config, target).spec


def embedder_of(config: CortexConfig, spec: EmbeddingSpec) -> Embedder:
    """The embedder that made the vectors of `spec`.

    Raises:
        ModelMismatchError: the model of that name is another one now.
        ModelUnavailableError: its description cannot be had.
    """
    others: list[EmbeddingSpec] = []
    faults: list[ModelUnavailableError] = []
    for name in _places_of(config, spec):
        try:
            embedder = _with_identity(config, spec, name)
            present = embedder.spec
        except ModelUnavailableError as error:
            faults.append(error)
            continue
        if present.id == spec.id:
            return embedder
        others.append(present)
    if faults and not others:
        raise faults[0]
    raise ModelMismatchError(
        f"The vectors were made with '{spec.model}' (revision {spec.revision[:12]}, {spec.dimension} dimensions), but the "
        f"model of that name is now revision {others[0].revision[:12]} with {others[0].dimension} dimensions"
        f"{_other_instructions(spec, others[0])}. Bring the former model back, or make a new collection and ingest the "
        "documents into it; search by words goes on."
    )


def _places_of(config: CortexConfig, spec: EmbeddingSpec) -> list[str]:
    """Where the model of a spec may be, the likeliest first. A spec keeps only the last part of a folder's path."""
    named = {"sentence_transformer": config.embedding_model, "qwen3_vl": config.qwen3_vl_embedding_model}
    setting = named.get(spec.backend, "")
    names = (Path(setting).expanduser().name, shown_name(setting))  # also of a folder that is gone, or behind a link
    here = [setting] if setting and setting != spec.model and spec.model in names else []
    noted = [str(folder) for folder in remembered_folders(_folder_notes(config), spec.model)]
    return list(dict.fromkeys([*here, *noted, spec.model]))


def _with_identity(config: CortexConfig, spec: EmbeddingSpec, name: str) -> Embedder:
    if spec.backend != "qwen3_vl":
        return build_embedder(config, spec.backend, name)
    return qwen3_vl_embedder(
        config,
        name,
        dimension=spec.dimension if spec.truncated_from else None,
        max_pixels=spec.max_pixels,
        query_instruction=spec.query_instruction,
        document_instruction=spec.document_instruction,
    )


def _noted(config: CortexConfig, name: str) -> str:
    """The name; a folder is noted in the library, so that its collections find it again when the settings name another."""
    if name and config.data_dir.is_dir() and Path(name).expanduser().is_dir():
        remember_folder(_folder_notes(config), Path(name))
    return name


def _folder_notes(config: CortexConfig) -> Path:
    return config.data_dir / "models" / "folders"


def _other_instructions(spec: EmbeddingSpec, present: EmbeddingSpec) -> str:
    before = (spec.query_instruction, spec.document_instruction)
    return "" if before == (present.query_instruction, present.document_instruction) else " and other instructions"


def _packaged(config: CortexConfig, model: str) -> Embedder:  # noqa: ARG001  (one signature for all builders)
    from cortex_engine.embedding.packaged import PackagedEmbedder

    return PackagedEmbedder(config.data_dir / "models")


def _sentence_transformer(config: CortexConfig, model: str) -> Embedder:
    from cortex_engine.embedding.sentence_transformer import SentenceTransformerEmbedder

    name = _noted(config, model or config.embedding_model)
    if not name:
        raise ConfigError(
            "The setting 'embedding_backend' is 'sentence_transformer', but 'embedding_model' is empty. Name a model of the "
            'Hub ("BAAI/bge-base-en-v1.5") or the folder of one.'
        )
    return SentenceTransformerEmbedder(
        name,
        device=config.embedding_device,
        batch_size=config.embedding_batch_size,
        query_instruction=config.embedding_query_instruction,
        document_instruction=config.embedding_document_instruction,
        offline=config.offline,
    )


def _hashing(config: CortexConfig, model: str) -> Embedder:  # noqa: ARG001
    from cortex_engine.embedding.hashing import HashingEmbedder

    return HashingEmbedder()


def _qwen3_vl(config: CortexConfig, model: str) -> Embedder:
    dimension = None if model else config.qwen3_vl_mrl_dim
    return qwen3_vl_embedder(config, _qwen3_vl_name(config, model), dimension=dimension)


def _qwen3_vl_name(config: CortexConfig, model: str) -> str:
    return _noted(config, model or config.qwen3_vl_embedding_model)


def qwen3_vl_embedder(config: CortexConfig, model: str = "", size: str = "", **changes: Any) -> Qwen3VLEmbedder:
    """A Qwen3-VL embedder.

    Args:
        config: what is not said otherwise comes from the settings.
        model: Hub name or folder; "" for the one of the settings.
        size: "2B" or "8B" for the published model of this size, whatever the settings name; "" or "auto" otherwise.
        changes: fields of `Qwen3VLOptions` that are not as the settings say.

    Raises:
        ModelUnavailableError: no size fits this machine.
    """
    from cortex_engine.embedding.qwen3_vl import Qwen3VLEmbedder, Qwen3VLOptions

    by_size = not model and size not in {"", "auto"}
    name = model or ("" if by_size else config.qwen3_vl_embedding_model)
    wanted = {"embedding_backend": "qwen3_vl", "qwen3_vl_embedding_model": name}
    place = placement(config.model_copy(update=wanted | ({"qwen3_vl_model_size": size} if by_size else {})))
    if place.embedding_fault:
        raise ModelUnavailableError(place.embedding_fault)
    options = Qwen3VLOptions(
        max_pixels=config.qwen3_vl_max_pixels,
        device=place.embedding_device,
        precision=config.qwen3_vl_dtype,
        flash_attention=config.qwen3_vl_use_flash_attention,
        batch_size=config.qwen3_vl_embed_batch_size,
        offline=config.offline,
        query_instruction=config.embedding_query_instruction,
        document_instruction=config.embedding_document_instruction,
    )
    return Qwen3VLEmbedder(place.embedding_model, replace(options, **changes))


_EMBEDDERS: Mapping[str, EmbedderBuilder] = {
    "packaged": _packaged,
    "sentence_transformer": _sentence_transformer,
    "qwen3_vl": _qwen3_vl,
    "hashing": _hashing,
}
