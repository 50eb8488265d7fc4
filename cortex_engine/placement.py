"""Which Qwen3-VL models the settings mean on this machine, on which device, and whether they take turns in its memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

from cortex_engine.checkpoints.folder import find_folder
from cortex_engine.config import CortexConfig
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.embedding_validator import EMBEDDING_MODELS, RERANKER_MODELS, WORKING_BYTES, row_of
from cortex_engine.utils.smart_model_selector import Device, Need, Selection


@dataclass(frozen=True, slots=True)
class Placement:
    """What was decided.

    Attributes:
        tier: of `smart_model_selector.TIERS`, "By hand", or "" when nothing fits.
        embedding_model, reranker_model: Hub name or folder, "" when none fits.
        embedding_device, reranker_device: as torch calls them.
        on_demand: memory holds only one of the two at a time.
        embedding_fault, reranker_fault: why there is none, as a sentence with a remedy, or "".
        remark: what to know (slowness, turns), or "".
    """

    tier: str
    embedding_model: str = ""
    reranker_model: str = ""
    embedding_device: str = ""
    reranker_device: str = ""
    on_demand: bool = False
    embedding_fault: str = ""
    reranker_fault: str = ""
    remark: str = ""


_decided: dict[CortexConfig, Placement] = {}


@lru_cache(maxsize=1)
def first_look() -> tuple[Device, ...]:
    """The devices as they were when somebody first asked: once a model is loaded, less memory is free, and every choice by
    it would change."""
    return selector.devices()


def placement(config: CortexConfig) -> Placement:
    """Decided once for the same settings in a process. May wait while torch is imported."""
    if config not in _decided:
        _decided[config] = _decide(config, first_look())
    return _decided[config]


def decided(config: CortexConfig) -> Placement | None:
    """What `placement` gave when somebody has asked for it before; never waits."""
    return _decided.get(config)


def forget() -> None:
    """Look at the machine anew next time (tests do, and nothing else)."""
    _decided.clear()
    first_look.cache_clear()


def _decide(config: CortexConfig, available: tuple[Device, ...]) -> Placement:
    single = config.qwen3_vl_dtype == "float32"
    reranks = config.reranker_in_use == "qwen3_vl"
    embeds = not reranks or config.new_collection_backend == "qwen3_vl" or bool(config.qwen3_vl_embedding_model)
    named = config.qwen3_vl_embedding_model, config.qwen3_vl_reranker_model if reranks else ""
    if any(name and not _size(name) for name in named):
        return _by_weights(config, available, single, embeds)
    reranker = (_size(named[1]) or config.qwen3_vl_reranker_size) if reranks else selector.NONE
    device = _device(config, available, named)
    if not embeds:
        return _of(selector.select_reranker(available, reranker, device, single), named, reranks)
    chosen = selector.select(available, _size(named[0]) or config.qwen3_vl_model_size, reranker, device, single)
    return _of(chosen, named, reranks)


def weight_bytes(model: str) -> int:
    """Bytes of the weights of a model on this machine, 0 when it is not here. Nothing is fetched."""
    try:
        folder = find_folder(model, offline=True, weights=True)
    except ModelUnavailableError:
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


def _size(model: str) -> str:
    """Of a model that the table knows by name; a folder is known by its weights, whatever it is called."""
    row = None if Path(model).expanduser().is_dir() else row_of(model)
    return row.size if row else ""


def _device(config: CortexConfig, available: tuple[Device, ...], named: tuple[str, str]) -> str:
    """The setting; a model that was named by hand runs on the processor where there is nothing better."""
    if config.qwen3_vl_device or not any(named) or selector.meant(available, ""):
        return config.qwen3_vl_device
    return "cpu"


def _of(chosen: Selection, named: tuple[str, str], reranks: bool) -> Placement:
    no_reranker = (
        f"Beside Qwen3-VL {chosen.embedding} no reranker fits into the memory that is free. Choose the size 2B for both "
        "(QWEN3_VL_RERANKER_SIZE=2B), or another reranker (CORTEX_RERANKER=local needs no graphics card)."
    )
    return Placement(
        chosen.tier,
        named[0] or EMBEDDING_MODELS.get(chosen.embedding, "") if chosen.embedding else "",
        named[1] or RERANKER_MODELS.get(chosen.reranker, "") if chosen.reranker else "",
        chosen.embedding_device,
        chosen.reranker_device,
        chosen.on_demand,
        embedding_fault="" if chosen.embedding or chosen.reranker else chosen.reason,
        reranker_fault="" if chosen.reranker or not reranks else no_reranker if chosen.embedding else chosen.reason,
        remark=chosen.reason if chosen.embedding or chosen.reranker else "",
    )


def _by_weights(config: CortexConfig, available: tuple[Device, ...], single: bool, embeds: bool) -> Placement:
    """Where a model that no table knows was named by hand: its weights are measured, and the wish is followed."""
    reranks = config.reranker_in_use == "qwen3_vl"
    named = config.qwen3_vl_embedding_model if embeds else "", config.qwen3_vl_reranker_model if reranks else ""
    device = _device(config, available, named)
    places = selector.meant(available, device)
    if not places:
        fault = selector.select(available, device=device).reason
        return Placement("", embedding_fault=fault, reranker_fault=fault if reranks else "")
    sizes = ("2B",) if places[0].kind == "cpu" else ("8B", "2B")
    first = _names(named[0], config.qwen3_vl_model_size, EMBEDDING_MODELS, sizes) if embeds else []
    second = _names(named[1], config.qwen3_vl_reranker_size, RERANKER_MODELS, sizes) if reranks else []
    pairs = list(product(*(names for names in (first, second) if names)))
    for on_demand in (False, True):
        for pair in pairs:
            if where := selector.arrange(places, [_need(model, single) for model in pair], on_demand):
                remark = selector.remark(where[0], on_demand)
                return _by_hand(pair, where, (embeds, reranks), on_demand, remark)
    best = max(places, key=lambda each: each.free_bytes)
    needs = [_need(model, single) for model in pairs[-1]]
    return _by_hand(pairs[-1], (best,) * len(needs), (embeds, reranks), len(needs) > 1, _doubt(best, needs))


def _names(named: str, size: str, published: Mapping[str, str], sizes: Sequence[str]) -> list[str]:
    """The model that comes into question, or the published ones of these sizes where any may be chosen."""
    if named:
        return [named]
    return [published[each] for each in (sizes if size == "auto" else (size,))]


def _by_hand(
    models: tuple[str, ...], where: tuple[Device, ...], wanted: tuple[bool, bool], on_demand: bool, remark: str
) -> Placement:
    embeds, reranks = wanted
    return Placement(
        "By hand",
        models[0] if embeds else "",
        models[-1] if reranks else "",
        where[0].torch_name if embeds else "",
        where[-1].torch_name if reranks else "",
        on_demand,
        remark=remark,
    )


def _doubt(best: Device, needs: list[Need]) -> str:
    needed = max(need.on(best) for need in needs)
    return (
        f"{best.name} ({best.torch_name}) has {best.free_bytes / selector.GB:.1f} GB of free memory, and about "
        f"{needed / selector.GB:.1f} GB are needed; it may not be enough."
    )


def _need(model: str, single: bool) -> Need:
    """By the weights on disk; published ones have two bytes a number."""
    if (row := row_of(model)) is not None and not Path(model).expanduser().is_dir():
        return Need.of(row, single)
    size = weight_bytes(model)
    return Need(size * (2 if single else 1) + WORKING_BYTES, 2 * size + WORKING_BYTES)
