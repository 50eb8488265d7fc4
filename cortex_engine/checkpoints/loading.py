"""What transformers says of a checkpoint while it loads it, taken seriously."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cortex_engine.checkpoints.batches import is_out_of_memory
from cortex_engine.checkpoints.folder import EMBEDDING, Purpose
from cortex_engine.core.errors import ModelUnavailableError

Report = list[dict[str, Any]]
_LOADING = threading.Lock()


@contextmanager
def loading_reports() -> Iterator[Report]:
    """Collect what transformers says of missing weights: by itself it logs a warning and goes on with random numbers.

    One load at a time in this process.
    """
    import transformers

    report: Report = []
    with _LOADING:
        original = transformers.PreTrainedModel.__dict__["from_pretrained"]

        def recording(cls: Any, *args: Any, **kwargs: Any) -> Any:
            wanted = kwargs.pop("output_loading_info", False)
            model, info = original.__func__(cls, *args, output_loading_info=True, **kwargs)
            report.append(info)
            return (model, info) if wanted else model

        transformers.PreTrainedModel.from_pretrained = classmethod(recording)
        shown = transformers.utils.logging.is_progress_bar_enabled()
        transformers.utils.logging.disable_progress_bar()
        try:
            yield report
        finally:
            transformers.PreTrainedModel.from_pretrained = original
            if shown:
                transformers.utils.logging.enable_progress_bar()


def load_failure(model: str, folder: Path, error: Exception, purpose: Purpose = EMBEDDING) -> ModelUnavailableError:
    """What to raise where a library failed over a checkpoint: it may raise whatever its parts raise."""
    if is_out_of_memory(error):
        return ModelUnavailableError(
            f"Memory does not suffice to load the {purpose.noun} {model}. Unload the other models, close programs that use the "
            "memory, or choose a smaller model or another device."
        )
    return ModelUnavailableError(
        f"The {purpose.noun} {model} cannot be loaded from {folder} ({type(error).__name__}: {error}). Copy or fetch the model "
        "again, or choose another."
    )


def refuse_incomplete(
    model: str, folder: Path, report: Report, unused: Collection[str], purpose: Purpose = EMBEDDING
) -> None:
    """Refuse weights that lack something or hold something that has no place.

    Args:
        unused: parts of dotted names that may be there or not.

    Raises:
        ModelUnavailableError: they do not fit the configuration.
    """
    for kind, word in (("missing_keys", "lack"), ("unexpected_keys", "hold unknown")):
        keys = sorted(key for info in report for key in info.get(kind, ()) if set(unused).isdisjoint(key.split(".")))
        if keys:
            shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
            raise ModelUnavailableError(
                f"The weights of the {purpose.noun} {model} in {folder} do not fit its configuration: they {word} {shown}. "
                f"{_consequence(purpose)}, so it is not used. Copy or fetch the model again."
            )


def _consequence(purpose: Purpose) -> str:
    return "Its vectors would be meaningless" if purpose is EMBEDDING else "What it gives would be meaningless"
