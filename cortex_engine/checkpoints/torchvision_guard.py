"""Keeps a torchvision that does not fit its torch from making sentence-transformers impossible to import."""

from __future__ import annotations

import importlib
import sys

_OPERATOR = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def ensure_torchvision() -> None:
    """Call before importing transformers or sentence_transformers.

    A CUDA build of torchvision beside a CPU build of torch lacks two operators, and its import fails; declaring them
    is enough for everything but detection models, which are not used here.
    """
    import torch

    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", _OPERATOR)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("torchvision")
