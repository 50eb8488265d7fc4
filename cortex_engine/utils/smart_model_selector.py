"""Which sizes of Qwen3-VL fit this machine: five tiers of free memory (checklist S2-06).

GB are 10^9 bytes: a "24 GB" card has 25.8 of them, and some are always taken. Apart from the tier's limit, the weights of what
is chosen must fit as they were counted (`embedding_validator`): the 8B model has 16.3 GB of them, so the tier "Standard" begins
a little above 16 GB.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

from cortex_engine.core.installed import version_of
from cortex_engine.utils.embedding_validator import EMBEDDING_MODELS, RERANKER_MODELS, ModelRow, row_of

_log = logging.getLogger(__name__)

GB = 1_000_000_000
NONE = "none"
_SHARE_OF_UNIFIED = 2 / 3
"""Of the memory that processor and graphics share on Apple's machines, where torch names no limit."""
_SIZES = ("8B", "2B")


@dataclass(frozen=True, slots=True)
class Device:
    """A place where models can run.

    Attributes:
        kind: "cuda", "mps" or "cpu".
        index: among those of its kind.
        total_bytes, free_bytes: of its memory; for "cpu" of the machine's (or of its container's).
    """

    kind: str
    index: int
    name: str
    total_bytes: int
    free_bytes: int

    @property
    def torch_name(self) -> str:
        """As torch calls it: "cuda:0", "mps", "cpu"."""
        return f"cuda:{self.index}" if self.kind == "cuda" else self.kind


@dataclass(frozen=True, slots=True)
class Tier:
    """A row of the table: from so much free memory on these sizes, together or one after the other."""

    name: str
    from_bytes: int
    embedding: str
    reranker: str
    on_demand: bool = False


TIERS = (
    Tier("Premium", 40 * GB, "8B", "8B"),
    Tier("High", 24 * GB, "8B", "2B"),
    Tier("Standard", 16 * GB, "8B", "2B", on_demand=True),
    Tier("Efficient", 10 * GB, "2B", "2B"),
    Tier("Minimal", 6 * GB, "2B", ""),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen.

    Attributes:
        tier: name of the tier, "By hand" where sizes or device were asked for, "" when nothing fits.
        embedding, reranker: "2B", "8B", or "" for none.
        embedding_device, reranker_device: as torch calls them, "" for none.
        on_demand: memory holds only one of the two at a time; loading one unloads the other.
        reason: a sentence: why nothing fits, or what to know (slowness, turns), or "".
    """

    tier: str
    embedding: str
    reranker: str
    embedding_device: str
    reranker_device: str
    on_demand: bool = False
    reason: str = ""


def devices() -> tuple[Device, ...]:
    """The devices of this machine, graphics cards first, the processor always last.

    The only function here that asks torch; without torch there is only the processor.
    """
    processor = Device("cpu", 0, "processor", *_main_memory())
    try:
        import torch
    except (ImportError, OSError) as error:  # a broken build cannot load its own libraries
        _log.info("torch cannot be used here (%s): only the processor counts", error)
        return (processor,)
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            try:
                free, total = torch.cuda.mem_get_info(index)
            except RuntimeError as error:  # taken by another program for itself alone, or out of order
                _log.warning("graphics card %d cannot be used: %s", index, error)
                continue
            found.append(Device("cuda", index, torch.cuda.get_device_name(index), total, free))
    elif torch.backends.mps.is_available():
        total = int(torch.mps.recommended_max_memory()) or int(processor.total_bytes * _SHARE_OF_UNIFIED)
        free = min(total - int(torch.mps.driver_allocated_memory()), processor.free_bytes)
        found.append(Device("mps", 0, "Apple graphics", total, max(0, free)))
    return (*found, processor)


def select(
    available: Sequence[Device], embedding: str = "auto", reranker: str = "auto", device: str = "", single: bool = False
) -> Selection:
    """The best tier that fits.

    With several graphics cards the two models may go to different ones, where that allows a better tier.

    Args:
        available: as `devices` gives them.
        embedding: "auto", "2B" or "8B".
        reranker: likewise, or "none".
        device: "cuda", "cuda:1", "mps", "cpu": only there; "" for any graphics card. The processor is used only when it is
            asked for.
        single: weights in float32 on graphics cards too.
    """
    places = meant(available, device)
    if not places:
        return _nothing(_no_place(available, device))
    if places[0].kind == "cpu" and embedding == "auto":
        embedding = "2B"  # whatever its memory holds, a processor is too slow for more
    by_hand = bool(device) or embedding != "auto" or reranker not in {"auto", NONE}
    for tier in _tiers(embedding, reranker):
        rows = [row_of(EMBEDDING_MODELS[tier.embedding]), row_of(RERANKER_MODELS.get(tier.reranker, ""))]
        needs = [Need.of(row, single) for row in rows if row is not None]
        if place := arrange(places, needs, tier.on_demand, tier.from_bytes):
            return Selection(
                "By hand" if by_hand else tier.name,
                tier.embedding,
                tier.reranker,
                place[0].torch_name,
                place[-1].torch_name if tier.reranker else "",
                tier.on_demand,
                remark(place[0], tier.on_demand),
            )
    return _nothing(_too_little(places, embedding, reranker, single))


def select_reranker(
    available: Sequence[Device], reranker: str = "auto", device: str = "", single: bool = False
) -> Selection:
    """The reranker alone, beside an embedding model that takes no graphics memory.

    "auto" takes 8B from the memory on that the tiers give to two models of which one is as large, else 2B.
    """
    places = meant(available, device)
    if not places:
        return _nothing(_no_place(available, device))
    auto = _SIZES if places[0].kind != "cpu" else _SIZES[-1:]
    for size in auto if reranker == "auto" else (reranker,):
        row = row_of(RERANKER_MODELS[size])
        from_bytes = TIERS[1].from_bytes if reranker == "auto" and size == "8B" else 0
        if row is not None and (place := arrange(places, [Need.of(row, single)], from_bytes=from_bytes)):
            return Selection("By hand", "", size, "", place[0].torch_name, reason=remark(place[0], False))
    return _nothing(_too_little(places, "", "2B" if reranker == "auto" else reranker, single))


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a model needs: on a graphics card, and on the processor (where weights are float32)."""

    graphics: int
    processor: int

    @classmethod
    def of(cls, row: ModelRow, single: bool = False) -> Need:
        """Of a known model; `single`: float32 on graphics cards too."""
        return cls(row.memory_bytes(single), row.memory_bytes(True))

    def on(self, device: Device) -> int:
        """On this device."""
        return self.processor if device.kind == "cpu" else self.graphics


def arrange(
    places: Sequence[Device], needs: Sequence[Need], on_demand: bool = False, from_bytes: int = 0
) -> tuple[Device, ...]:
    """A device for each of one or two models, all on one device if that is possible; () when they do not fit.

    Args:
        on_demand: they are never there together.
        from_bytes: free memory that one device must have for all; two devices need only hold their models.
    """
    ordered = sorted(places, key=lambda each: each.free_bytes, reverse=True)
    for device in ordered:
        bytes_there = [need.on(device) for need in needs]
        together = max(bytes_there) if on_demand else sum(bytes_there)
        if device.free_bytes >= max(together, from_bytes):
            return (device,) * len(needs)
    if not on_demand and len(needs) > 1:
        for pair in permutations(ordered, len(needs)):
            if all(device.free_bytes >= need.on(device) for device, need in zip(pair, needs, strict=True)):
                return pair
    return ()


def meant(available: Sequence[Device], wanted: str) -> list[Device]:
    """The devices that a setting names; all graphics cards when it is empty."""
    if not wanted:
        return [each for each in available if each.kind != "cpu"]
    return [each for each in available if wanted in {each.kind, each.torch_name, f"{each.kind}:{each.index}"}]


def remark(device: Device, on_demand: bool) -> str:
    """What to know of a choice, or ""."""
    if device.kind == "cpu":
        return "On the processor a picture takes seconds to minutes; a graphics card is many times faster."
    if on_demand:
        return "Memory holds one of the two models at a time: each is loaded when its turn comes, which takes seconds."
    return ""


def _tiers(embedding: str, reranker: str) -> Iterator[Tier]:
    """What comes into question, best first. Sizes asked for by hand have no limit but the one that they must fit."""
    if embedding == "auto" and reranker in {"auto", NONE}:
        yield from (tier if reranker == "auto" else replace(tier, reranker="", on_demand=False) for tier in TIERS)
        return
    for tier in TIERS:
        if embedding in {"auto", tier.embedding} and reranker in {"auto", tier.reranker}:
            yield replace(tier, from_bytes=0)
    for one in _SIZES if embedding == "auto" else (embedding,):
        if reranker in _SIZES:
            yield Tier("", 0, one, reranker)
            yield Tier("", 0, one, reranker, on_demand=True)
        else:
            yield Tier("", 0, one, "")


def _nothing(reason: str) -> Selection:
    return Selection("", "", "", "", "", reason=reason)


def _no_place(available: Sequence[Device], device: str) -> str:
    if device:
        names = ", ".join(each.torch_name for each in available)
        return f"There is no device '{device}' here (there are: {names}). Correct QWEN3_VL_DEVICE, or leave it empty."
    if not version_of("torch"):
        return "PyTorch is not installed, and Qwen3-VL needs it: pip install -r requirements-qwen3-vl.txt"
    return (
        "PyTorch finds no graphics card here, and Qwen3-VL wants one with at least 6 GB of free memory. To let it run on the "
        "processor, slowly, set QWEN3_VL_DEVICE=cpu."
    )


def _too_little(places: Sequence[Device], embedding: str, reranker: str, single: bool) -> str:
    best = max(places, key=lambda each: each.free_bytes)
    wanted = "2B" if embedding == "auto" else embedding
    names = [
        *([EMBEDDING_MODELS[wanted]] if wanted else []),
        *([RERANKER_MODELS[reranker]] if reranker in _SIZES else []),
    ]
    needed = max(Need.of(row, single).on(best) for name in names if (row := row_of(name)) is not None)
    if embedding == "auto":
        needed = max(needed, TIERS[-1].from_bytes)
    return (
        f"{best.name} ({best.torch_name}) has {best.free_bytes / GB:.1f} GB of free memory, and {needed / GB:.1f} GB are "
        f"needed for Qwen3-VL {wanted or reranker}. Free some (close other programs that use it), or use a smaller model."
    )


def _main_memory() -> tuple[int, int]:
    """Total and available bytes of the machine, or of the container where that has less."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total = page * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 0, 0
    free = total
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        free = int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # no Linux: what is free cannot be read without further packages
        pass
    limit, used = _number("/sys/fs/cgroup/memory.max"), _number("/sys/fs/cgroup/memory.current") or 0
    if limit is not None:
        total, free = min(total, limit), min(free, max(0, limit - used + _given_back_when_needed()))
    return total, free


def _given_back_when_needed() -> int:
    """Files that the container's kernel keeps in memory as long as nobody needs it."""
    try:
        lines = Path("/sys/fs/cgroup/memory.stat").read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("inactive_file ")))
    except (OSError, StopIteration, ValueError):  # no cgroup of the second version
        return 0


def _number(file: str) -> int | None:
    try:
        return int(Path(file).read_text(encoding="ascii"))
    except (OSError, ValueError):  # no cgroup, or "max" for no limit
        return None
