"""A model's own tokenizer, through the `tokenizers` library and its `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_engine.core.errors import ModelUnavailableError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as BackingTokenizer


def encodable(text: str) -> str:
    """The text with lone surrogates (which no UTF-8 can hold, and the tokenizer refuses) replaced by "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


class FastTokenizer:
    """Counts and encodes without truncation or padding; who calls decides what happens to long texts.

    Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _backing(self) -> BackingTokenizer:
        from tokenizers import Tokenizer as BackingTokenizer

        try:
            backing = BackingTokenizer.from_file(str(self._path))
        except Exception as error:  # the library raises plain Exception for every kind of damage
            raise ModelUnavailableError(
                f"The tokenizer {self._path} cannot be read ({error}). Install or copy the model again."
            ) from error
        backing.no_truncation()
        backing.no_padding()
        return backing

    def load(self) -> None:
        """Read the file now.

        Raises:
            ModelUnavailableError: it is missing or damaged.
        """
        _ = self._backing

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, without truncation."""
        encodings = self._backing.encode_batch_fast([encodable(text) for text in texts])
        return [encoding.ids for encoding in encodings]

    def vocabulary(self) -> dict[str, int]:
        """Each entry's number."""
        return self._backing.get_vocab()

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included, without truncation."""
        return [len(ids) for ids in self.encode(texts)]
