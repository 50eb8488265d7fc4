"""A door for programs that only want to rerank: texts, pictures and our own hits, by a Qwen3-VL reranker.

`rerank_results` uses one reranker for the whole process, the one of the settings; `Qwen3VLRerankerService` is one to choose.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from cortex_engine.backends import build_qwen3_vl_reranker
from cortex_engine.config import CortexConfig, load_config
from cortex_engine.core.errors import UsageError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import SearchHit

Content = str | Mapping[str, Any]
"""A text, or a mapping with "text" and/or "image" (a path, the bytes of a file, a PIL image, or a list of them)."""


class Qwen3VLRerankerService:
    """A Qwen3-VL reranker, loaded on first use. Safe to use from several threads.

    A checkpoint whose scores are constant, not finite, saturated or inverted is refused. One whose scores only look random
    is used, since this door gives a model's numbers as they are; the log says so, and `remark`. (The application refuses
    it.)
    """

    def __init__(
        self,
        model: str | None = None,
        model_size: str = "auto",
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        max_pixels: int | None = None,
        use_flash_attention: bool | None = None,
    ) -> None:
        """Store the choice; nothing is loaded.

        Args:
            model: Hub name or folder; None for the settings' one, or one by size.
            model_size: "auto", "2B" or "8B", where no model is named; "auto" for the settings' word.
            device, dtype, batch_size, max_pixels, use_flash_attention: None for the settings' value.

        Raises:
            ConfigError: a setting cannot be used.
            UsageError: an unknown size.
        """
        if model_size not in {"auto", "2B", "8B"}:
            raise UsageError(f"There is no Qwen3-VL reranker of the size '{model_size}'. Known ones: auto, 2B, 8B.")
        changes = {
            "reranker": "qwen3_vl",
            "qwen3_vl_reranker_model": "" if model is None and model_size != "auto" else model,
            "qwen3_vl_reranker_size": None if model_size == "auto" else model_size,
            "qwen3_vl_device": device,
            "qwen3_vl_dtype": dtype,
            "qwen3_vl_rerank_batch_size": batch_size,
            "qwen3_vl_max_pixels": max_pixels,
            "qwen3_vl_use_flash_attention": use_flash_attention,
        }
        given = {key: value for key, value in changes.items() if value is not None}
        try:
            self._config = CortexConfig.model_validate({**load_config().config.model_dump(), **given})
        except ValueError as error:  # of pydantic
            raise UsageError(f"The reranker cannot be made so: {error}") from error
        self._making = threading.Lock()
        self._made: Reranker | None = None

    @property
    def _reranker(self) -> Reranker:
        with self._making:
            if self._made is None:
                self._made = build_qwen3_vl_reranker(self._config, refuse_random=False)
            return self._made

    @property
    def name(self) -> str:
        """The model's name.

        Raises:
            ModelUnavailableError: no size fits this machine.
        """
        return self._reranker.name

    @property
    def remark(self) -> str:
        """What the probe found that is no reason to refuse, as a sentence, or ""; "" before loading."""
        return str(getattr(self._made, "remark", ""))

    def load(self) -> None:
        """Load and examine now.

        Raises:
            ModelUnavailableError: the model is not here, does not fit or cannot be loaded; cause and remedy.
            ModelUnhealthyError: the probe found scores that mean nothing.
        """
        self._reranker.load()

    def unload(self) -> None:
        """Give the memory back; the next use loads again."""
        if self._made is not None:
            self._made.unload()

    def rerank_results(
        self,
        query: Content,
        candidates: Sequence[SearchHit | Mapping[str, Any]],
        top_k: int = 5,
        instruction: str | None = None,
    ) -> list[dict[str, Any]]:
        """The best `top_k` candidates, best first.

        Args:
            query: a text, or a mapping with "text" and/or "image".
            candidates: our hits (their text is judged), or mappings with "id" and "text" and/or "image".
            top_k: how many to give back; all are judged.
            instruction: the task in a sentence; None for the official one.

        Returns:
            What each mapping held (a hit's `id`, `text` and the `hit` itself), and `rank` (from 1), `score` (0..1, the
            sigmoid) and `raw_score` (the difference of the logits, by which they are ranked).

        Raises:
            UsageError: a candidate has no id or no content, or a picture cannot be read.
            ModelUnavailableError, ModelUnhealthyError: as `load`; also when these scores mean nothing.
        """
        if top_k < 1:
            raise UsageError(f"'top_k' is {top_k}; ask for at least one result.")
        held = [_held(candidate, place) for place, candidate in enumerate(candidates)]
        asked = [Candidate(str(place), _content(each)) for place, each in enumerate(held)]
        judged = self._reranker.rerank(_content(query), asked, instruction)
        return [
            {**held[int(each.id)], "rank": rank, "score": each.score, "raw_score": each.raw}
            for rank, each in enumerate(judged[:top_k], start=1)
        ]

    def process(self, inputs: Mapping[str, Any]) -> list[float]:
        """Scores 0..1 in the order of the documents, for the official wrapper's form of input.

        Args:
            inputs: "query" (a mapping or text), "documents" (a list of them), "instruction" (may be absent).

        Raises:
            UsageError: something is missing, or is a video (which rerankers are not given here), or cannot be read.
            ModelUnavailableError, ModelUnhealthyError: as `load`; also when these scores mean nothing.
        """
        documents = inputs.get("documents")
        if "query" not in inputs or isinstance(documents, str | Mapping) or not isinstance(documents, Sequence):
            raise UsageError('The input needs a "query" and a list of "documents".')
        asked = [Candidate(str(place), _content(document)) for place, document in enumerate(documents)]
        judged: list[Judgement] = self._reranker.rerank(_content(inputs["query"]), asked, inputs.get("instruction"))
        by_place = {int(each.id): each.score for each in judged}
        return [by_place[place] for place in range(len(asked))]


_lock = threading.Lock()
_services: dict[str, Qwen3VLRerankerService] = {}


def get_reranker() -> Qwen3VLRerankerService:
    """The reranker that the settings name now; the same object as long as they stay the same.

    Raises:
        ConfigError: a setting cannot be used.
    """
    key = load_config().config.model_dump_json()
    with _lock:
        if key not in _services:
            for former in _services.values():  # one model in memory: the one of settings that have changed is let go
                former.unload()
            _services.clear()
            _services[key] = Qwen3VLRerankerService()
        return _services[key]


def rerank_results(
    query: Content,
    candidates: Sequence[SearchHit | Mapping[str, Any]],
    top_k: int = 5,
    instruction: str | None = None,
) -> list[dict[str, Any]]:
    """The best `top_k` candidates, best first, by the reranker of the settings; as `Qwen3VLRerankerService.rerank_results`.

    Raises:
        ConfigError: a setting cannot be used.
        UsageError, ModelUnavailableError, ModelUnhealthyError: as there.
    """
    return get_reranker().rerank_results(query, candidates, top_k, instruction)


def _held(candidate: SearchHit | Mapping[str, Any], place: int) -> dict[str, Any]:
    if isinstance(candidate, SearchHit):
        return {"id": candidate.chunk_id, "text": candidate.text, "hit": candidate}
    if not isinstance(candidate, Mapping) or "id" not in candidate:
        raise UsageError(f'Candidate {place + 1} has no "id"; give mappings with "id" and "text" and/or "image".')
    if candidate.get("text") is None and candidate.get("image") is None:
        raise UsageError(f'Candidate {place + 1} ("{candidate["id"]}") has neither "text" nor "image".')
    return dict(candidate)


def _content(given: Content) -> ModelInput:
    if isinstance(given, str):
        return ModelInput(given)
    if not isinstance(given, Mapping):
        raise UsageError(
            f'A query or document is a text or a mapping with "text" and/or "image", not {type(given).__name__}.'
        )
    if given.get("video") is not None:
        raise UsageError("Videos cannot be reranked; give single frames as pictures.")
    text, image = given.get("text"), given.get("image")
    if text is not None and not isinstance(text, str):
        raise UsageError(f'The "text" of a query or document is a string, not {type(text).__name__}.')
    images = () if image is None else tuple(image) if isinstance(image, list | tuple) else (image,)
    return ModelInput(text or "", images)
