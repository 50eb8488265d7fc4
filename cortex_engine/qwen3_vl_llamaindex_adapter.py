"""Doors to LlamaIndex: Qwen3-VL as its embedding model and its reranker, and our search as its retriever.

embed_model = Qwen3VLEmbedding(model_size="auto")
index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)
engine = index.as_query_engine(node_postprocessors=[Qwen3VLReranker(top_n=5)], similarity_top_k=20)
engine = RetrieverQueryEngine.from_args(CortexRetriever(suite, top_k=10))

Importing this module needs LlamaIndex: pip install -r requirements-llamaindex.txt
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

from cortex_engine.core.errors import CortexError, UsageError
from cortex_engine.core.graph import in_words
from cortex_engine.core.optional import INSTALL_LLAMA_INDEX, absence
from cortex_engine.core.search import Filters, HitKind, Query, SearchHit, SearchMode
from cortex_engine.embedding_adapters import BatchEmbedding, from_base64, picture_of
from cortex_engine.qwen3_vl_embedding_service import Qwen3VLEmbeddingService
from cortex_engine.qwen3_vl_reranker_service import Qwen3VLRerankerService
from cortex_engine.suite import CortexSuite, query_of

try:
    from llama_index.core.base.embeddings.base import Embedding
    from llama_index.core.bridge.pydantic import Field, PrivateAttr
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import (
        BaseNode,
        ImageNode,
        ImageType,
        MetadataMode,
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise ImportError(absence("llama_index.core", "by the adapters", INSTALL_LLAMA_INDEX, error)) from error

_FACTS = ("document_id", "page_label", "media_type", "kind", "collections", "citation", "rank", "path")
"""Of a hit, for programs: neither embedded nor shown to a language model."""


class Qwen3VLEmbedding(BatchEmbedding):
    """A Qwen3-VL embedding model for texts and pictures in one space. Loads with the first input."""

    model: str | None = Field(default=None, description="Hub name or folder; None for the settings' one or one by size")
    model_size: str = Field(default="auto", description='"auto", "2B" or "8B"')
    dimensions: int | None = Field(default=None, description="of the vectors (Matryoshka); None as the settings say")
    query_instruction: str | None = Field(default=None, description="the task of a query; None for the official one")
    text_instruction: str | None = Field(default=None, description="of texts and pictures; None for the official one")
    _service: Qwen3VLEmbeddingService = PrivateAttr()

    def __init__(
        self,
        model_size: str = "auto",
        model: str | None = None,
        dimensions: int | None = None,
        *,
        query_instruction: str | None = None,
        text_instruction: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        max_pixels: int | None = None,
        **options: Any,
    ) -> None:
        """Store the choice; nothing is loaded.

        Args:
            model_size, model, dimensions, device, dtype, max_pixels: as `Qwen3VLEmbeddingService` takes them.
            query_instruction, text_instruction: the task in a sentence; None for "Represent the user's input."
            options: LlamaIndex's own ("embed_batch_size", "callback_manager", …).

        Raises:
            ConfigError, UsageError: a value cannot be used.
            ModelUnavailableError: no size fits this machine.
        """
        service = Qwen3VLEmbeddingService(
            model, model_size, dimensions, device=device, dtype=dtype, max_pixels=max_pixels
        )
        options.setdefault("model_name", model or f"Qwen3-VL-Embedding-{model_size}")
        fields: dict[str, Any] = {
            "model": model,
            "model_size": model_size,
            "dimensions": dimensions,
            "query_instruction": query_instruction,
            "text_instruction": text_instruction,
        }
        super().__init__(**fields, **options)
        self._service = service

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name of the class."""
        return "Qwen3VLEmbedding"

    def _get_query_embedding(self, query: str) -> Embedding:
        numbers: Embedding = self._service.embed_text(query, self.query_instruction).tolist()
        return numbers

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        numbers: list[Embedding] = self._service.embed_text(texts, self.text_instruction).tolist()
        return numbers

    def _get_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        pictures = [picture_of(each) for each in img_file_paths]
        numbers: list[Embedding] = self._service.embed_image(pictures, self.text_instruction).tolist()
        return numbers


class Qwen3VLReranker(BaseNodePostprocessor):
    """Orders nodes anew by a Qwen3-VL reranker, which reads texts and looks at pictures. Loads with the first query.

    Nodes are ranked by the raw score; what they carry is its sigmoid, 0..1.
    """

    top_n: int = Field(default=5, description="how many nodes are given back", ge=1)
    model: str | None = Field(default=None, description="Hub name or folder; None for the settings' one or one by size")
    model_size: str = Field(default="auto", description='"auto", "2B" or "8B"')
    instruction: str | None = Field(default=None, description="the task in a sentence; None for the official one")
    _service: Qwen3VLRerankerService = PrivateAttr()

    def __init__(
        self,
        top_n: int = 5,
        model_size: str = "auto",
        model: str | None = None,
        *,
        instruction: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        max_pixels: int | None = None,
        **options: Any,
    ) -> None:
        """Store the choice; nothing is loaded. Arguments as `Qwen3VLRerankerService` takes them.

        Raises:
            ConfigError, UsageError: a value cannot be used.
            ModelUnavailableError: no size fits this machine.
        """
        service = Qwen3VLRerankerService(model, model_size, device=device, dtype=dtype, max_pixels=max_pixels)
        fields: dict[str, Any] = {
            "top_n": top_n,
            "model": model,
            "model_size": model_size,
            "instruction": instruction,
        }
        super().__init__(**fields, **options)
        self._service = service

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name of the class."""
        return "Qwen3VLReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise UsageError("A reranker needs the query: call it with query_bundle=… or query_str=….")
        if not nodes:
            return []
        query: dict[str, Any] = {"text": query_bundle.query_str}
        if query_bundle.image_path:
            query["image"] = picture_of(query_bundle.image_path)
        candidates = [{"id": str(place), **_content(each.node)} for place, each in enumerate(nodes)]
        ranked = self._service.rerank_results(query, candidates, top_k=self.top_n, instruction=self.instruction)
        return [NodeWithScore(node=nodes[int(each["id"])].node, score=each["score"]) for each in ranked]


class CortexRetriever(BaseRetriever):
    """The suite's own search as a retriever: hits become nodes, hits that are pictures become image nodes.

    Each node's metadata tells document, page, collection and how to cite it. A query bundle with an `image_path` is
    searched by that picture too.
    """

    def __init__(
        self,
        suite: CortexSuite,
        top_k: int = 10,
        *,
        collections: tuple[str, ...] = (),
        mode: SearchMode | str = SearchMode.HYBRID,
        rerank: bool | None = None,
        filters: Filters | None = None,
        kinds: tuple[HitKind, ...] = (),
        **options: Any,
    ) -> None:
        """Store the choice.

        Args:
            suite: an open library.
            top_k: how many nodes are given back.
            collections: only these; () for all. Left out where `filters` are given.
            mode: "hybrid", "traditional", "lexical" or "graphrag".
            rerank: None as the settings say.
            filters: any further condition.
            kinds: only hits of these kinds, () for all.
            options: LlamaIndex's own ("callback_manager", "verbose", …).

        Raises:
            UsageError: there is no such mode.
        """
        self._suite = suite
        self._query = Query(
            "",
            mode=query_of("", str(mode)).mode,
            top_k=top_k,
            filters=filters or Filters(collections=tuple(collections)),
            rerank=rerank,
            kinds=kinds,
        )
        super().__init__(**options)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = replace(self._query, text=query_bundle.query_str, picture=self._picture(query_bundle))
        return [self._node(hit) for hit in self._suite.search(query).hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)

    def _picture(self, query_bundle: QueryBundle) -> str:
        if not query_bundle.image_path:
            return ""
        picture = picture_of(query_bundle.image_path)
        if isinstance(picture, bytes):
            return self._suite.keep_picture(picture)
        path = Path(str(picture))
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"The picture '{path}' cannot be read ({error.strerror}).") from error
        return self._suite.keep_picture(data, path.name)

    def _node(self, hit: SearchHit) -> NodeWithScore:
        facts = {
            "document": hit.document,
            "document_id": hit.document_id,
            "title": hit.title,
            "page": hit.page,
            "page_label": hit.page_label,
            "heading": hit.context,
            "collections": ", ".join(hit.collections),
            "kind": str(hit.kind),
            "media_type": hit.media_type,
            "citation": self._suite.cite(hit.document_id, hit.page),
            "rank": hit.rank,
            "path": in_words(hit.path),
        }
        common: dict[str, Any] = {
            "id_": hit.chunk_id,
            "text": hit.text,
            "metadata": facts,
            "excluded_embed_metadata_keys": list(_FACTS),
            "excluded_llm_metadata_keys": list(_FACTS),
            "relationships": {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.document_id)},
        }
        score = hit.score if hit.relevance is None else hit.relevance
        if hit.kind is HitKind.PICTURE:
            try:
                picture = self._suite.query_picture(hit.chunk_id)
            except CortexError as error:
                facts["picture"] = f"It cannot be shown: {error}"
                return NodeWithScore(node=ImageNode(**common), score=score)
            data = base64.b64encode(picture.data).decode("ascii")
            return NodeWithScore(node=ImageNode(**common, image=data, image_mimetype=picture.mime), score=score)
        node = TextNode(**common, start_char_idx=hit.char_start, end_char_idx=hit.char_end)
        return NodeWithScore(node=node, score=score)


def _content(node: BaseNode) -> dict[str, Any]:
    """What of a node is judged: its text and its picture."""
    content: dict[str, Any] = {"text": node.get_content(metadata_mode=MetadataMode.EMBED)}
    try:
        picture = _picture_in(node)
    except CortexError as error:
        raise UsageError(f"The node '{node.node_id}' cannot be judged: {error}") from error
    if picture is not None:
        content["image"] = picture
        # Without text of its own, only metadata would stand there; the picture speaks for itself.
        if not node.get_content(metadata_mode=MetadataMode.NONE).strip():
            del content["text"]
    return content


def _picture_in(node: BaseNode) -> object | None:
    """The picture that a node holds in base64, or names by path or local URL; None for none."""
    if isinstance(node, ImageNode):
        if node.image:
            return from_base64(node.image)
        named = node.image_path or node.image_url
        return picture_of(named) if named else None
    resource = getattr(node, "image_resource", None)
    if resource is None:
        return None
    if resource.data:
        return from_base64(resource.data)
    named = str(resource.path or resource.url or "")
    return picture_of(named) if named else None
