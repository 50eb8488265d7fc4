"""What a choice of embedding model costs here, said before anything is downloaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cortex_engine import backends
from cortex_engine.config import CortexConfig
from cortex_engine.core.app import ModelState
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.errors import CortexError, UsageError
from cortex_engine.core.model_targets import ModelTarget, parse_target
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.planning import ModelChoice, ModelPlan
from cortex_engine.core.protocols import Embedder, MultimodalEmbedder
from cortex_engine.core.search import Filters
from cortex_engine.library import Library
from cortex_engine.placement import placement, weight_bytes
from cortex_engine.utils.embedding_validator import (
    EMBEDDING_MODELS,
    MODELS,
    WORKING_BYTES,
    ModelRow,
    Role,
    row_of,
    validate,
)
from cortex_engine.utils.smart_model_selector import GB, Device, Need, devices

_FLOAT_BYTES = 4
_PACKAGED_BYTES = 600_000_000
_SAMPLE = 8
"""Passages that are embedded to learn how fast a loaded model is."""
_LOOKED = 500
"""Documents whose pictures are looked at to know how large they are."""
_PAGE = (1240, 1754)
"""A page of A4 at 150 dots an inch."""
_VECTORS_OF_A_PICTURE = 2


def model_choices(library: Library) -> list[ModelChoice]:
    """See `CortexSuite.model_choices`."""
    config = library.config
    choices = [ModelChoice("packaged", "all-MiniLM-L6-v2", True, "English text; nothing to download.")]
    if config.embedding_model:
        target = f"sentence_transformer:{config.embedding_model}"
        here = bool(weight_bytes(config.embedding_model))
        choices.append(ModelChoice(target, config.embedding_model, here, "The model that the settings name."))
    if config.qwen3_vl_embedding_model:
        here = bool(weight_bytes(config.qwen3_vl_embedding_model))
        note = "Text and pictures; the model that the settings name."
        choices.append(ModelChoice("qwen3_vl", config.qwen3_vl_embedding_model, here, note))
    named = {choice.name for choice in choices}
    rows = [row for row in MODELS if row.role is Role.EMBEDDING and row.backend != "packaged"]
    choices += [_choice(row) for row in sorted(rows, key=lambda row: not row.sees) if row.name not in named]
    return choices


def plan_model(library: Library, target: str, collection: str = "") -> ModelPlan:
    """See `CortexSuite.plan_model`."""
    named = parse_target(target)
    config = library.config.model_copy(update={"offline": True})  # a plan fetches nothing
    subject = _subject(config, named)
    documents = None
    if collection:
        documents = library.catalog.scope(Filters(collections=(library.catalog.collection(collection).name,)))
    passages, pictures = library.catalog.passage_count(documents), library.catalog.picture_counts(documents)
    seconds, rates = _seconds(library, subject.spec, passages, documents)
    vectors = passages + (_VECTORS_OF_A_PICTURE * pictures if subject.sees else 0)
    free = subject.device.free_bytes if subject.device else 0
    return ModelPlan(
        target=str(named),
        name=subject.name,
        dimension=subject.dimension,
        download_bytes=subject.download,
        disk_bytes=vectors * subject.dimension * _FLOAT_BYTES * (2 if config.vector_store == "exact" else 3),
        memory_bytes=subject.memory,
        device=subject.device.torch_name if subject.device else "",
        fits=subject.device is not None and free >= subject.memory,
        seconds=seconds,
        passages=passages,
        pictures=pictures,
        notes=tuple(note for note in (*subject.notes, *_notes(library, subject, collection, pictures), *rates) if note),
        facts=_facts(subject, free),
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is known of a target, from its files where they are here, else from the table."""

    name: str
    spec: EmbeddingSpec | None
    row: ModelRow | None
    dimension: int
    sees: bool
    download: int
    memory: int
    device: Device | None
    notes: tuple[str, ...]


def _choice(row: ModelRow) -> ModelChoice:
    target = f"{row.backend}:{row.name}"
    if row.hindrance:
        return ModelChoice(target, row.short_name, False, row.hindrance)
    sees = "text and pictures" if row.sees else "text"
    return ModelChoice(
        target, row.short_name, bool(weight_bytes(row.name)), f"{row.dimension:,} dimensions, {sees}, {row.licence}."
    )


def _subject(config: CortexConfig, named: ModelTarget) -> _Subject:
    if named.backend == "qwen3_vl":
        return _vl_subject(config, named)
    name = {"packaged": "all-MiniLM-L6-v2", "hashing": "hashed words"}.get(named.backend, "")
    name = name or named.model or config.embedding_model
    if not name:
        raise UsageError("Name a model: 'sentence_transformer:' and its Hub name or folder.")
    row, spec, fault = _row(name), *_spec(config, named)
    size = weight_bytes(name) if named.backend == "sentence_transformer" else 0
    memory = _PACKAGED_BYTES if named.backend == "packaged" else 0
    if named.backend == "sentence_transformer":
        memory = row.memory_bytes(single=True) if row else size + WORKING_BYTES if size else 0
    found = devices()
    wanted = config.embedding_device or "auto"
    place = found[0] if named.backend == "sentence_transformer" and wanted == "auto" else found[-1]
    place = next((each for each in found if wanted in {each.kind, each.torch_name}), place)
    checked = validate(name)
    notes = (checked.sentence if checked.possible is False else "", _absence(spec, row, size, fault))
    dimension = spec.dimension if spec else row.dimension if row else 0
    download = 0 if size or not row else row.file_bytes
    return _Subject(name, spec, row, dimension, False, download, memory, place, notes)


def _vl_subject(config: CortexConfig, named: ModelTarget) -> _Subject:
    model = named.model or config.qwen3_vl_embedding_model
    update = {"embedding_backend": "qwen3_vl", "qwen3_vl_embedding_model": model}
    place = placement(config.model_copy(update=update))
    name = model or place.embedding_model or EMBEDDING_MODELS[_or_small(config.qwen3_vl_model_size)]
    row, spec, fault = _row(name), *_spec(config, named)
    here = weight_bytes(name)
    device = next((each for each in devices() if each.torch_name == place.embedding_device), None)
    single = config.qwen3_vl_dtype == "float32"
    need = Need.of(row, single) if row else Need(here * (2 if single else 1) + WORKING_BYTES, 2 * here + WORKING_BYTES)
    memory = need.on(device) if device else need.graphics
    wanted = named.dimension or (config.qwen3_vl_mrl_dim if not named.model else None) or 0
    checked = validate(name, wanted)
    notes = (
        checked.sentence if checked.possible is False else "",
        place.embedding_fault or place.remark,
        "" if place.embedding_fault else _absence(spec, row, here, fault),
    )
    dimension = spec.dimension if spec else wanted or (row.dimension if row else 0)
    download = 0 if here or not row else row.file_bytes
    return _Subject(name, spec, row, dimension, True, download, memory, device, notes)


def _absence(spec: EmbeddingSpec | None, row: ModelRow | None, here: int, fault: str) -> str:
    """Why a model's files do not say what it is, where the table does not say it either."""
    if spec is not None or (row is not None and not here):
        return ""
    return (
        fault
        if here
        else "It is not on this machine; what it needs is known when it is. Name its folder to plan with it."
    )


def _row(name: str) -> ModelRow | None:
    """The facts of a model by its published name; what a folder holds is read from the folder."""
    return None if Path(name).expanduser().is_dir() else row_of(name)


def _spec(config: CortexConfig, named: ModelTarget) -> tuple[EmbeddingSpec | None, str]:
    """The identity of a model that is here, or why there is none."""
    try:
        return backends.spec_for(config, str(named)), ""
    except CortexError as error:
        return None, str(error)


def _seconds(
    library: Library, spec: EmbeddingSpec | None, passages: int, documents: frozenset[str] | None
) -> tuple[float | None, tuple[str, ...]]:
    """Time to embed all passages and pictures, by a few of them when the model is loaded."""
    pictures = library.catalog.picture_counts(documents) if spec is None or spec.sees else 0
    if passages + pictures == 0:
        return 0.0, ()
    if spec is None or library.shelf.state(spec.id)[0] is not ModelState.HEALTHY:
        return None, ("The time is not known before the model is loaded: load it, and ask again.",)
    texts = _sample(library, documents) or ["NULL"]
    try:
        embedder = library.shelf.embedder(spec)
        each = _timed(lambda: embedder.embed_documents(texts)) / len(texts)
        seconds = each * (passages + pictures)  # a picture's description is embedded too
        if pictures:
            seconds += pictures * _time_of_a_picture(library, embedder, documents)
    except CortexError as error:
        return None, (f"The time could not be measured: {error}",)
    measured = f"{len(texts)} passages" + (" and a picture of the same size" if pictures else "")
    return seconds, (f"The time is estimated from {measured} that were embedded just now.",)


def _time_of_a_picture(library: Library, embedder: Embedder, documents: frozenset[str] | None) -> float:
    """Seconds for one grey picture as large as the library's: what it shows makes no difference."""
    if not isinstance(embedder, MultimodalEmbedder):
        return 0.0
    from PIL import Image

    found = (
        sorted(documents) if documents is not None else [each.id for each in library.catalog.documents(limit=_SAMPLE)]
    )
    sizes = [(each.width, each.height) for each in library.catalog.pictures(found[:_LOOKED])]
    size = sorted(sizes or [_PAGE])[len(sizes) // 2]
    picture = ModelInput(images=(Image.new("RGB", size, "grey"),))
    return _timed(lambda: embedder.embed_inputs([picture]))


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _sample(library: Library, documents: frozenset[str] | None) -> Sequence[str]:
    found = library.catalog.passages(None if documents is None else sorted(documents))
    return [entry.text for entry in islice(found, _SAMPLE)]


def _notes(library: Library, subject: _Subject, collection: str, pictures: int) -> list[str]:
    notes = []
    if collection and subject.spec and library.catalog.collection(collection).spec.id == subject.spec.id:
        notes.append(f"'{collection}' uses this model already.")
    if pictures and not subject.sees:
        notes.append("It reads text only: pictures are then found by their text.")
    if pictures and subject.sees:
        notes.append(f"{pictures:,} pictures are embedded too; each takes longer than a passage.")
    if subject.device is not None and subject.device.free_bytes < subject.memory:
        notes.append(
            f"Now {subject.device.free_bytes / GB:.1f} GB are free on {subject.device.torch_name}, and {subject.memory / GB:.1f} "
            "GB are needed. Unload other models, or close programs that use it."
        )
    return notes


def _facts(subject: _Subject, free: int) -> dict[str, str]:
    facts = {"Reads": "text and pictures" if subject.sees else "text"}
    if subject.row:
        facts["Licence"] = subject.row.licence
        facts["Weights"] = f"{subject.row.parameters / 1e9:.2f} billion numbers"
        if subject.row.smallest:
            facts["May be cut to"] = f"{subject.row.smallest} … {subject.row.dimension:,} dimensions"
    if subject.device:
        facts["Device"] = f"{subject.device.torch_name} ({subject.device.name}), {free / GB:.1f} GB free"
    return facts


def _or_small(size: str) -> str:
    return "2B" if size == "auto" else size
