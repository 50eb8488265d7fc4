"""What a choice of models costs, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be chosen for a collection.

    Attributes:
        target: what names it on the command line and in `start_migration`: "packaged", "hashing", "qwen3_vl",
            "qwen3_vl:FOLDER-OR-HUB-NAME", "qwen3_vl:…@1024" (Matryoshka), "sentence_transformer:FOLDER-OR-HUB-NAME".
        name: for people.
        here: its weights are on this machine.
        note: a sentence (what it is good for, or why it cannot be had).
    """

    target: str
    name: str
    here: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What using a model entails here.

    Attributes:
        dimension: of its vectors, 0 where unknown before it is here.
        download_bytes: 0 where the weights are here already.
        disk_bytes: of its vectors for this collection or library.
        memory_bytes: of graphics memory (of main memory where it runs on the processor).
        device: where it would run ("cuda:0", "mps", "cpu").
        fits: whether there is so much free memory.
        seconds: that embedding takes, None where nothing was measured to estimate from.
        notes: sentences for people.
        facts: name -> value, for display.
    """

    target: str
    name: str
    dimension: int
    download_bytes: int
    disk_bytes: int
    memory_bytes: int
    device: str
    fits: bool
    seconds: float | None = None
    passages: int = 0
    pictures: int = 0
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
