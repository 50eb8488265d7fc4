"""On which device, in which precision and with which attention a checkpoint runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cortex_engine.core.errors import ModelUnavailableError

PRECISIONS = ("auto", "bfloat16", "float16", "float32")


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention that is used.

    Attributes:
        name: "flash_attention_2" or "sdpa", as transformers calls it.
        remark: why flash attention is not used although it is wanted, as a sentence; "" otherwise.
    """

    name: str
    remark: str = ""


def choose_device(wanted: str = "") -> str:
    """A device as torch calls it: what is wanted, else the first of CUDA, MPS, CPU that is there.

    Raises:
        ModelUnavailableError: the wanted device is not there.
    """
    import torch

    if not wanted:
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    there = {
        "cpu": 1,
        "mps": int(torch.backends.mps.is_available()),
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
    }.get(kind, 0)
    if int(number or 0) >= there if number.isdigit() or not number else True:
        raise ModelUnavailableError(
            f"The device '{wanted}' is not there on this machine (torch {torch.__version__} sees {_seen()}). Correct the "
            "setting of the device, or leave it empty to let it be chosen."
        )
    return wanted


def choose_precision(wanted: str, device: str, own: str) -> str:
    """Name of the precision of the weights.

    "auto" is float32 on a CPU (where half precision is slow), else the checkpoint's own if that has 16 bits, else bfloat16;
    and float16 where the device has no bfloat16.

    Args:
        wanted: one of `PRECISIONS`.
        device: as `choose_device` gives it.
        own: what the checkpoint's configuration names, "" where it names none.
    """
    import torch

    if wanted != "auto":
        return wanted
    if device.startswith("cpu"):
        return "float32"
    chosen = own if own in {"bfloat16", "float16"} else "bfloat16"
    if (
        chosen == "bfloat16"
        and device.startswith("cuda")
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        return "float16"
    return chosen


def choose_attention(flash: bool, device: str, precision: str) -> Attention:
    """Flash attention where it is wanted, installed and possible, else torch's own ("sdpa"); both agree to rounding."""
    if not flash:
        return Attention("sdpa")
    if not device.startswith("cuda"):
        return Attention("sdpa", f"Flash attention needs a CUDA device; on '{device}' torch's own attention is used.")
    if precision == "float32":
        return Attention("sdpa", "Flash attention needs bfloat16 or float16; in float32 torch's own attention is used.")
    from transformers.utils import is_flash_attn_2_available

    if not is_flash_attn_2_available():
        return Attention("sdpa", "The package flash-attn is not installed; torch's own attention is used.")
    return Attention("flash_attention_2")


def own_precision(config: dict[str, Any]) -> str:
    """The precision that a checkpoint's config.json names, or ""."""
    nested = config.get("text_config") or {}
    return str(
        config.get("dtype") or config.get("torch_dtype") or nested.get("dtype") or nested.get("torch_dtype") or ""
    )


def _seen() -> str:
    import torch

    devices = ["cpu"]
    if torch.backends.mps.is_available():
        devices.append("mps")
    if torch.cuda.is_available():
        devices += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ", ".join(devices)
