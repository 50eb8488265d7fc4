"""Cross-encoders of sentence-transformers by Hub name or folder: BAAI/bge-reranker-v2-m3, ms-marco-MiniLM and their like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.checkpoints.batches import in_batches, release_memory
from cortex_engine.checkpoints.choices import choose_device
from cortex_engine.checkpoints.folder import Purpose, find_folder, read_object, refuse_pickles, shown_name
from cortex_engine.checkpoints.loading import load_failure, loading_reports, refuse_incomplete
from cortex_engine.checkpoints.qwen3_vl import require_libraries
from cortex_engine.core.errors import CortexError, ModelUnavailableError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.special_tokens import harmless
from cortex_engine.reranking.scoring import Scores, ScoringReranker

DEFAULT_MODEL = "BAAI/bge-reranker-v2-m3"
RERANKER = Purpose("reranker", "reranker_model", "set 'reranker' to 'none'")
_UNUSED = frozenset({"position_ids"})
_LONGEST = 8192
_REMEDY = "Choose a smaller reranker, or give the work to a device with more memory."


class CrossEncoderReranker(ScoringReranker):
    """A cross-encoder with one score a pair; it reads text only, and ranks by the logit.

    An instruction changes nothing: these models know none.
    """

    def __init__(
        self, model: str = DEFAULT_MODEL, *, device: str = "", batch_size: int = 16, offline: bool = False
    ) -> None:
        """Store the settings.

        Args:
            model: Hub name or folder.
            device: "cpu", "cuda", …; "" to choose.
            batch_size: pairs of one step; halved when memory runs out.
            offline: never ask the Hub.
        """
        super().__init__()
        self._model = model
        self._wanted_device = device
        self._batch_size = batch_size
        self._offline = offline
        self._loaded: Any = None
        self._device = ""

    @property
    def name(self) -> str:
        """The Hub's name, or the last part of the folder's path."""
        return shown_name(self._model)

    @property
    def sees(self) -> bool:
        """False: only text counts."""
        return False

    @property
    def device(self) -> str:
        """Where it runs, "" before loading."""
        return self._device

    @property
    def precision(self) -> str:
        """Of the weights, "" before loading."""
        return "float32" if self._loaded is not None else ""

    def _open(self) -> None:
        folder = find_folder(self._model, offline=self._offline, weights=True, purpose=RERANKER)
        refuse_pickles(folder, self._model, RERANKER)
        self._refuse_others(folder)
        library = require_libraries(self._model, RERANKER, sees=False)
        device = choose_device(self._wanted_device)
        try:
            with loading_reports() as report:
                loaded = _load(library, folder, device)
            refuse_incomplete(self._model, folder, report, _UNUSED, RERANKER)
        except CortexError:
            raise
        except Exception as error:  # the library raises whatever its parts raise; each means "cannot be loaded"
            raise load_failure(self._model, folder, error, RERANKER) from error
        loaded.max_seq_length = min(loaded.max_seq_length or _LONGEST, _positions(loaded), _LONGEST)
        self._loaded, self._device = loaded, device

    def _refuse_others(self, folder: Path) -> None:
        """What can be told from the description: no cross-encoder, or one with several classes."""
        config = read_object(folder / "config.json", self._model, RERANKER)
        kinds = [str(kind) for kind in config.get("architectures") or []]
        if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
            raise ModelUnavailableError(
                f"{self._model} is no cross-encoder: its config.json names {', '.join(kinds) or 'no architecture'}. Name a "
                f"model such as {DEFAULT_MODEL} in 'reranker_model'; for Qwen3-VL set 'reranker' to 'qwen3_vl'."
            )
        labels = int(config.get("num_labels") or len(config.get("id2label") or {}) or 2)
        if labels != 1:
            raise ModelUnavailableError(
                f"{self._model} is no reranker: it gives {labels} classes for a pair, not one score. Name a model such as "
                f"{DEFAULT_MODEL} in 'reranker_model'."
            )

    def _close(self) -> None:
        if self._loaded is not None:
            self._loaded, self._device = None, ""
            release_memory()

    def _scores(self, query: ModelInput, contents: Sequence[ModelInput], instruction: str | None) -> Scores:  # noqa: ARG002
        question = harmless(query.text)
        order = sorted(range(len(contents)), key=lambda place: len(contents[place].text), reverse=True)

        def score(batch: list[int]) -> NDArray[np.float32]:
            # Pairs of strings go to the tokenizer as they are (unlike for models that see, whose strings are guessed at).
            pairs = [(question, harmless(contents[place].text)) for place in batch]
            return np.asarray(self._loaded.predict(pairs, batch_size=len(pairs), show_progress_bar=False), np.float32)

        raw = np.empty(len(contents), np.float64)
        raw[order] = in_batches(score, order, self._batch_size, _REMEDY)
        return raw


def _positions(loaded: Any) -> int:
    """How many tokens its position table holds; those after RoBERTa keep the first two numbers for padding."""
    config = loaded.config
    reserved = 2 if "roberta" in str(config.model_type) or config.model_type == "camembert" else 0
    return int(getattr(config, "max_position_embeddings", 0) or _LONGEST + reserved) - reserved


def _load(library: Any, folder: Path, device: str) -> Any:
    import torch

    return library.CrossEncoder(
        str(folder),
        device=device,
        activation_fn=torch.nn.Identity(),
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )
