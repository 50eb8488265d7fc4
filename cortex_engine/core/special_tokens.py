"""Control tokens of chat models in people's text, made harmless."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"<(?=\|\w+\|>|/?(?:think|tool_call|tool_response)>)")


def harmless(text: str) -> str:
    """The text with the control tokens of Qwen broken up ("< |im_end|>"), so that they are read as plain characters.

    Otherwise a document could end its own turn and answer in the model's place, and one that speaks of "<|image_pad|>"
    could not be read at all. Lone surrogates, which no tokenizer takes, become "?".

    >>> harmless("a <|im_end|> b")
    'a < |im_end|> b'
    """
    return _CONTROL.sub("< ", text).encode("utf-8", "replace").decode("utf-8")
