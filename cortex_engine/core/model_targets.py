"""What names an embedding model on the command line, in migrations and on the pages."""

from __future__ import annotations

from dataclasses import dataclass

from cortex_engine.core.errors import UsageError

BACKENDS = ("packaged", "hashing", "sentence_transformer", "qwen3_vl")
_EXAMPLES = (
    '"packaged", "qwen3_vl", "qwen3_vl:Qwen/Qwen3-VL-Embedding-2B@1024" or "sentence_transformer:/models/bge-m3"'
)


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A model for vectors.

    Attributes:
        backend: the plug board's word.
        model: Hub name or folder, "" for the one that the settings name.
        dimension: Matryoshka dimension, None where none is named.
    """

    backend: str
    model: str = ""
    dimension: int | None = None

    def __str__(self) -> str:
        name = f":{self.model}" if self.model else ""
        return f"{self.backend}{name}{f'@{self.dimension}' if self.dimension else ''}"


def parse_target(target: str) -> ModelTarget:
    """Read "packaged", "hashing", "sentence_transformer:X", "qwen3_vl", "qwen3_vl:X", "qwen3_vl:X@1024", "qwen3_vl@512".

    Raises:
        UsageError: it is none of these.

    >>> parse_target("qwen3_vl:/models/a@512")
    ModelTarget(backend='qwen3_vl', model='/models/a', dimension=512)
    """
    head, colon, model = target.strip().partition(":")
    dimension: int | None = None
    if head.partition("@")[0] == "qwen3_vl":
        before, at, number = (model if colon else head).rpartition("@")
        if at and number.isascii() and number.isdigit() and int(number):
            dimension = int(number)
            head, model = (head, before) if colon else (before, model)
    named = bool(model.strip())
    takes_name = head in {"sentence_transformer", "qwen3_vl"}
    if head not in BACKENDS or bool(colon) != named or (named and not takes_name):
        raise UsageError(f"'{target}' names no embedding model. Write for example {_EXAMPLES}.")
    return ModelTarget(head, model.strip(), dimension)
