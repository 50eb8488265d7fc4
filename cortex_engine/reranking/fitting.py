"""Pairs that fit the model: the end of a document that is too long is cut, and the log says so."""

from __future__ import annotations

import logging
from typing import Any

from cortex_engine.checkpoints.scaling import token_count
from cortex_engine.core.errors import UsageError

logger = logging.getLogger(__name__)

MAX_TOKENS = 10_240
"""Of a pair with everything around it, as in the official code."""
_AROUND = 96
"""Tokens of the official prompt without instruction, query and document (64 with Qwen's tokenizer), and some to spare."""

Message = dict[str, Any]


class PairFitter:
    """Cuts the texts of a pair so that the whole stays under a limit; pictures are never cut."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        """Store.

        Args:
            tokenizer: the model's own, of transformers; a fast one.
            max_tokens: limit of the whole.
        """
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    def fit(self, instruction: str, query: Message, document: Message) -> tuple[Message, Message]:
        """The pair, whose pictures are scaled already, cut where necessary.

        Raises:
            UsageError: pictures and instruction alone are too long.
        """
        room = self._max_tokens - _AROUND - self._tokens(instruction)
        room -= _picture_tokens(query) + _picture_tokens(document)
        if room < 1:
            raise UsageError(
                f"The pictures of a query and a candidate take more than the {self._max_tokens} tokens that the reranker "
                "reads. Give fewer pictures at once, or lower 'qwen3_vl_max_pixels'."
            )
        query, query_length = self._cut(query, max(room // 2, 1), "query")
        document, _ = self._cut(document, max(room - query_length, 1), "candidate")
        return query, document

    def _cut(self, message: Message, room: int, what: str) -> tuple[Message, int]:
        text = message.get("text", "")
        if not text:
            return message, 0
        bound = len(text.encode("utf-8"))  # no token of a byte-level vocabulary stands for less than a byte
        if bound <= room:
            return message, bound
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ends = [end for _, end in encoded["offset_mapping"]]
        if len(ends) <= room:
            return message, len(ends)
        logger.warning("A %s has %d tokens; the reranker reads only its first %d.", what, len(ends), room)
        return {**message, "text": text[: ends[room - 1]]}, room

    def _tokens(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _picture_tokens(message: Message) -> int:
    pictures = message.get("image", [])
    return sum(token_count(*picture.size) for picture in (pictures if isinstance(pictures, list) else [pictures]))
