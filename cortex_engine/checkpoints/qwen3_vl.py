"""The body of any Qwen3-VL checkpoint as a module of sentence-transformers, built explicitly.

The module files that a checkpoint may carry are not used: published ones were missing, late, or wrong. Source of the numbers:
the official code, QwenLM/Qwen3-VL-Embedding (Apache-2.0), `src/models/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cortex_engine.checkpoints.choices import (
    Attention,
    choose_attention,
    choose_device,
    choose_precision,
    own_precision,
)
from cortex_engine.checkpoints.folder import Purpose, read_object
from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.optional import require

MIN_PIXELS = 4096
MAX_PIXELS = 1_843_200
"""The official limits of a picture's area after scaling; one token stands for 32 x 32 pixels."""
INSTALL = "pip install -r requirements-qwen3-vl.txt"


@dataclass(frozen=True, slots=True)
class Running:
    """How a checkpoint runs here.

    Attributes:
        device: as torch calls it.
        precision: "bfloat16", "float16" or "float32".
        attention: which, and why not flash attention.
    """

    device: str
    precision: str
    attention: Attention


@dataclass(frozen=True, slots=True)
class RunningWishes:
    """What the settings ask for; see `cortex_engine.checkpoints.choices`."""

    device: str = ""
    precision: str = "auto"
    flash_attention: bool = True
    min_pixels: int = MIN_PIXELS
    max_pixels: int = MAX_PIXELS


def require_libraries(model: str, purpose: Purpose, *, sees: bool = True) -> Any:
    """sentence_transformers, with torch and torchvision known to work.

    Args:
        sees: whether the model reads pictures and needs torchvision; a broken one is a hindrance in any case.

    Raises:
        ModelUnavailableError: one of them is missing or broken; cause and remedy.
    """
    need = f"for the {purpose.noun} {model}"
    install = INSTALL if sees else "pip install -r requirements.txt"
    require("torch", need, install)
    try:
        ensure_torchvision()
    except Exception as error:  # a broken build raises whatever its C++ parts raise
        raise ModelUnavailableError(
            f"The package 'torchvision' is needed {need}, but the one installed does not work ({error}). "
            + (f"Install it with: {INSTALL}" if sees else "Take it out with: pip uninstall torchvision")
        ) from error
    if sees:
        require("torchvision", need, install)
    return require("sentence_transformers", need, install)


def run_where(folder: Path, model: str, purpose: Purpose, wishes: RunningWishes) -> Running:
    """Device, precision and attention for a checkpoint.

    Raises:
        ModelUnavailableError: it is no Qwen3-VL checkpoint, or the wanted device is not there.
    """
    config = read_object(folder / "config.json", model, purpose)
    kind = str(config.get("model_type", ""))
    if not kind.startswith("qwen3_vl"):
        raise ModelUnavailableError(
            f"{folder} holds no Qwen3-VL model: its config.json says '{kind or 'nothing'}'. Name another in the setting "
            f"'{purpose.setting}'."
        )
    device = choose_device(wishes.device)
    precision = choose_precision(wishes.precision, device, own_precision(config))
    return Running(device, precision, choose_attention(wishes.flash_attention, device, precision))


def build_body(
    folder: Path,
    running: Running,
    wishes: RunningWishes,
    *,
    task: Literal["feature-extraction", "any-to-any"],
    chat_template: dict[str, Any],
    max_tokens: int,
) -> Any:
    """A `sentence_transformers` Transformer module; raises whatever the libraries raise.

    Pictures are scaled by PIL, like the official code does it, so that numbers agree to rounding (torchvision's own
    scaling differs by up to 5e-4).
    """
    import torch
    from sentence_transformers.base.modules import Transformer
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    size = {"shortest_edge": wishes.min_pixels, "longest_edge": wishes.max_pixels}
    body = Transformer(
        str(folder),
        transformer_task=task,
        processing_kwargs={"chat_template": chat_template, "image": {"size": size}},
        unpad_inputs=False,
        model_kwargs={
            "dtype": getattr(torch, running.precision),
            "attn_implementation": running.attention.name,
            "use_safetensors": True,
            "local_files_only": True,
            "trust_remote_code": False,
        },
        processor_kwargs={"model_max_length": max_tokens, "local_files_only": True, "trust_remote_code": False},
        config_kwargs={"local_files_only": True, "trust_remote_code": False},
    )
    body.processor.image_processor = Qwen2VLImageProcessorPil.from_pretrained(str(folder), local_files_only=True)
    return body
