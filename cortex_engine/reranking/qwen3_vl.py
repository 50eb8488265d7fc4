"""Qwen3-VL rerankers: the difference of the logits of "yes" and "no" after the official prompt.

Source: QwenLM/Qwen3-VL-Embedding (Apache-2.0), `src/models/qwen3_vl_reranker.py`, whose numbers are met; "Qwen3-VL-Embedding and
Qwen3-VL-Reranker" (2026). The modules of sentence-transformers are built here, whatever module files the checkpoint carries.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_engine.checkpoints.batches import in_batches, release_memory
from cortex_engine.checkpoints.decoding import message_of
from cortex_engine.checkpoints.folder import Purpose, find_folder, refuse_pickles, shown_name
from cortex_engine.checkpoints.loading import load_failure, loading_reports, refuse_incomplete
from cortex_engine.checkpoints.qwen3_vl import Running, RunningWishes, build_body, require_libraries, run_where
from cortex_engine.checkpoints.scaling import SCALED, scaled_message
from cortex_engine.core.errors import CortexError, ModelUnavailableError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.special_tokens import harmless
from cortex_engine.reranking.fitting import MAX_TOKENS, PairFitter
from cortex_engine.reranking.prompt import CHAT_TEMPLATE, DEFAULT_INSTRUCTION
from cortex_engine.reranking.scoring import Scores, ScoringReranker

logger = logging.getLogger(__name__)

RERANKER = Purpose("reranker", "qwen3_vl_reranker_model", "set 'reranker' to 'none'")
_UNUSED = frozenset({"position_ids", "rotary_emb"})
_REMEDY = (
    "Lower 'qwen3_vl_max_pixels', choose a smaller reranker or a 16-bit 'qwen3_vl_dtype', or give the work to a device with "
    "more memory."
)


class Qwen3VLReranker(ScoringReranker):
    """A Qwen3-VL reranker that judges texts, pictures and both together."""

    def __init__(
        self,
        model: str,
        *,
        batch_size: int = 4,
        wishes: RunningWishes | None = None,
        max_tokens: int = MAX_TOKENS,
        offline: bool = False,
        refuse_random: bool = True,
    ) -> None:
        """Store the settings.

        Args:
            model: Hub name ("Qwen/Qwen3-VL-Reranker-2B") or folder.
            batch_size: pairs of one step; halved when memory runs out.
            wishes: device, precision, attention, limits of a picture's pixels.
            max_tokens: limit of one pair with everything around it; longer documents are cut at the end.
            offline: never ask the Hub.
            refuse_random: as in `ScoringReranker`.
        """
        super().__init__(refuse_random)
        self._model = model
        self._batch_size = batch_size
        self._wishes = wishes or RunningWishes()
        self._max_tokens = max_tokens
        self._offline = offline
        self._running: Running | None = None
        self._loaded: Any = None
        self._fitter: PairFitter | None = None

    @property
    def name(self) -> str:
        """The Hub's name, or the last part of the folder's path."""
        return shown_name(self._model)

    @property
    def sees(self) -> bool:
        """True: queries and candidates may hold pictures."""
        return True

    @property
    def device(self) -> str:
        """Where it runs, "" before loading."""
        return self._running.device if self._running else ""

    @property
    def precision(self) -> str:
        """Of the weights, "" before loading."""
        return self._running.precision if self._running else ""

    @property
    def attention(self) -> str:
        """ "sdpa" or "flash_attention_2", "" before loading."""
        return self._running.attention.name if self._running else ""

    @property
    def attention_remark(self) -> str:
        """Why flash attention is not used although it is wanted, as a sentence, or ""."""
        return self._running.attention.remark if self._running else ""

    def _open(self) -> None:
        folder = find_folder(self._model, offline=self._offline, weights=True, purpose=RERANKER)
        refuse_pickles(folder, self._model, RERANKER)
        require_libraries(self._model, RERANKER)
        running = run_where(folder, self._model, RERANKER, self._wishes)
        try:
            with loading_reports() as report:
                body = self._build_body(folder, running)
            refuse_incomplete(self._model, folder, report, _UNUSED, RERANKER)
            self._loaded = self._with_head(body, folder, running)
        except CortexError:
            raise
        except Exception as error:  # the libraries raise whatever their parts raise; each means "cannot be loaded"
            release_memory()
            raise load_failure(self._model, folder, error, RERANKER) from error
        self._fitter = PairFitter(body.tokenizer, self._max_tokens)
        self._running = running
        if running.attention.remark:
            logger.info("%s", running.attention.remark)

    def _build_body(self, folder: Path, running: Running) -> Any:
        return build_body(
            folder,
            running,
            self._wishes,
            task="any-to-any",
            chat_template={"chat_template": CHAT_TEMPLATE},
            max_tokens=self._max_tokens,
        )

    def _with_head(self, body: Any, folder: Path, running: Running) -> Any:
        import torch
        from sentence_transformers import CrossEncoder
        from sentence_transformers.cross_encoder.modules import LogitScore

        vocabulary = body.tokenizer.get_vocab()
        yes, no = vocabulary.get("yes"), vocabulary.get("no")
        if yes is None or no is None or yes == no:
            raise ModelUnavailableError(
                f"The tokenizer of the reranker {self._model} in {folder} has no single tokens for 'yes' and 'no', by which a "
                "Qwen3-VL reranker answers. Copy or fetch the model again."
            )
        # In bfloat16 a hundred pairs share some fifty scores; the last layer in float32 keeps them apart.
        precise = ["0.model.lm_head"] if running.precision != "float32" else []
        return CrossEncoder(
            modules=[body, LogitScore(yes, no)],
            device=running.device,
            activation_fn=torch.nn.Identity(),
            keep_in_fp32_modules=precise,
        )

    def _close(self) -> None:
        if self._loaded is not None:
            self._loaded = self._fitter = self._running = None
            release_memory()

    def _scores(self, query: ModelInput, contents: Sequence[ModelInput], instruction: str | None) -> Scores:
        if self._fitter is None:
            raise ModelUnavailableError(f"The reranker {self._model} is not loaded.")
        asked = harmless(instruction or DEFAULT_INSTRUCTION)
        fitter, question = self._fitter, self._message(query)
        # Alike inputs in one batch need little padding; the largest first, so that memory runs out at once or not at all.
        order = sorted(range(len(contents)), key=lambda place: _size(contents[place]), reverse=True)

        def score(batch: list[int]) -> NDArray[np.float32]:
            pairs = [fitter.fit(asked, question, self._message(contents[place])) for place in batch]
            scores = self._loaded.predict(
                pairs, prompt=asked, batch_size=len(pairs), show_progress_bar=False, processing_kwargs=SCALED
            )
            return np.asarray(scores, np.float32)

        sorted_scores = in_batches(score, order, self._batch_size, _REMEDY)
        raw = np.empty(len(contents), np.float64)
        raw[order] = sorted_scores
        return raw

    def _message(self, content: ModelInput) -> dict[str, Any]:
        return scaled_message(message_of(content), self._wishes.min_pixels, self._wishes.max_pixels)


def _size(content: ModelInput) -> tuple[int, int]:
    return len(content.images), len(content.text)
