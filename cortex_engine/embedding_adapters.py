"""A door to LlamaIndex for any embedder of the suite: `CortexEmbedding` is one of LlamaIndex's embedding models.

embed_model = CortexEmbedding()                             # the model of the settings
embed_model = CortexEmbedding("BGE")                        # another by name, as `embedding_service.get_embedder` takes it
embed_model = CortexEmbedding(suite=suite, collection="Papers")
index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)

Importing this module needs LlamaIndex: pip install -r requirements-llamaindex.txt
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cortex_engine.core.errors import UsageError
from cortex_engine.core.optional import INSTALL_LLAMA_INDEX, absence
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Embedder, MultimodalEmbedder, Vectors
from cortex_engine.embedding_service import get_embedder
from cortex_engine.suite import CortexSuite

try:
    from llama_index.core.base.embeddings.base import Embedding
    from llama_index.core.bridge.pydantic import PrivateAttr
    from llama_index.core.embeddings import MultiModalEmbedding
    from llama_index.core.schema import ImageType
except ImportError as error:
    raise ImportError(absence("llama_index.core", "by the adapters", INSTALL_LLAMA_INDEX, error)) from error


class BatchEmbedding(MultiModalEmbedding):
    """Single inputs are batches of one, and what is awaited runs in a thread: a subclass embeds queries and batches."""

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)

    async def _aget_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return await asyncio.to_thread(self._get_image_embedding, img_file_path)

    async def _aget_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        return await asyncio.to_thread(self._get_image_embeddings, img_file_paths)


class CortexEmbedding(BatchEmbedding):
    """An embedder of the suite as an embedding model of LlamaIndex. Loads with the first text.

    Texts of documents and queries each get the instruction that the model asks for. Pictures need a model that sees.
    """

    _embedder: Embedder = PrivateAttr()

    def __init__(
        self,
        embedder: Embedder | str = "",
        *,
        suite: CortexSuite | None = None,
        collection: str = "",
        **options: Any,
    ) -> None:
        """Choose the embedder; nothing is loaded.

        Args:
            embedder: one of the suite's, or a name; "" for that of the settings.
            suite: an open library, whose models are examined before their first vector; `embedder` is left out then.
            collection: of the library: its model is used; "" for the model of new collections.
            options: LlamaIndex's own ("embed_batch_size", "callback_manager", …).

        Raises:
            UsageError: embedder and library are both given, or nothing has that name.
            NotFoundError: no such collection.
            ModelUnavailableError: the model's description cannot be had.
        """
        if suite is not None and embedder:
            raise UsageError("Give an embedder or a library with a collection, not both.")
        if collection and suite is None:
            raise UsageError(f"The collection '{collection}' is named without the library that holds it: pass suite=….")
        if suite is not None:
            chosen = suite.embedder(collection)
        else:
            chosen = get_embedder(embedder) if isinstance(embedder, str) else embedder
        options.setdefault("model_name", chosen.spec.model)
        super().__init__(**options)
        self._embedder = chosen

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name of the class."""
        return "CortexEmbedding"

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return self._embedder.spec.dimension

    def _get_query_embedding(self, query: str) -> Embedding:
        return _list(self._embedder.embed_query(query))

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return _lists(self._embedder.embed_documents(texts))

    def _get_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        if not self._embedder.spec.sees:
            raise UsageError(
                f"'{self._embedder.spec.model}' reads text only. Choose a model that sees, such as Qwen3-VL, to embed pictures."
            )
        embedder: Any = self._embedder
        seeing: MultimodalEmbedder = embedder
        return _lists(seeing.embed_inputs([ModelInput(images=(picture_of(each),)) for each in img_file_paths]))


def picture_of(image: object) -> object:
    """A picture as our models take it, from what LlamaIndex calls one: a path, bytes in memory, a local or data URL.

    Raises:
        UsageError: an address in the network, or damaged base64: nothing is fetched.
    """
    if isinstance(image, BytesIO):
        return image.getvalue()
    if not isinstance(image, str) or (":" not in image[:10]):
        return image
    parts = urlsplit(image)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(unquote(parts.path))
    if parts.scheme == "data":
        return from_base64(image.partition(",")[2])
    if parts.scheme in {"http", "https", "ftp", "file"}:
        raise UsageError(f"The picture '{image[:80]}' lies in the network; fetch it first and give its path or bytes.")
    return image


def from_base64(text: str | bytes) -> bytes:
    """The bytes of a picture.

    Raises:
        UsageError: it is no base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"A picture in a node is no valid base64 ({error}).") from error


def _list(vector: Any) -> Embedding:
    numbers: Embedding = vector.tolist()
    return numbers


def _lists(vectors: Vectors | Sequence[Any]) -> list[Embedding]:
    return [_list(vector) for vector in vectors]
