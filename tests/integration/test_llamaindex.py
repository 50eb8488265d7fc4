"""LlamaIndex with the tiny Qwen3-VL checkpoints, a real VectorStoreIndex and a real library: the mission's snippets as printed."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.core.errors import UsageError
from cortex_engine.core.search import HitKind
from cortex_engine.suite import CortexSuite

pytest.importorskip("llama_index.core")
pytestmark = pytest.mark.xdist_group("qwen3_vl")
OpenSuite = Callable[..., CortexSuite]

CAPTIONS = [
    f"a {colour} {shape}"
    for colour in ("red", "green", "blue", "yellow")
    for shape in ("circle", "square", "triangle", "cross")
]


@pytest.fixture(scope="module", autouse=True)
def settings(qwen3_vl_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The trained tiny checkpoints, named as people name them; no language model but LlamaIndex's mock."""
    ensure_torchvision()
    import torch
    from llama_index.core import Settings
    from llama_index.core.llms import MockLLM

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORTEX_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        patch.setenv("QWEN3_VL_EMBEDDING_MODEL", str(qwen3_vl_models / "trained_embedding"))
        patch.setenv("QWEN3_VL_RERANKER_MODEL", str(qwen3_vl_models / "trained_reranker"))
        patch.setenv("QWEN3_VL_DEVICE", "cpu")
        Settings.llm = MockLLM()
        yield


def awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives. In a thread of its own: where the browser tests ran before, a loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def nodes_of(texts: list[str]) -> list[Any]:
    from llama_index.core.schema import NodeWithScore, TextNode

    return [NodeWithScore(node=TextNode(text=text), score=0.5) for text in texts]


ADAPTER_SNIPPET = """
from cortex_engine.qwen3_vl_llamaindex_adapter import (
    Qwen3VLEmbedding, Qwen3VLReranker
)
from llama_index.core import VectorStoreIndex

# Create index with Qwen3-VL embeddings
embed_model = Qwen3VLEmbedding(model_size="auto")
index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)

# Query with reranking
reranker = Qwen3VLReranker(top_n=5)
query_engine = index.as_query_engine(
    node_postprocessors=[reranker],
    similarity_top_k=20  # Get more candidates for reranking
)
"""
DOORS_SNIPPET = """
from cortex_engine.qwen3_vl_embedding_service import (
    embed_text, embed_image, embed_multimodal
)
from cortex_engine.qwen3_vl_reranker_service import rerank_results

# Text embedding
text_vec = embed_text("quarterly revenue chart")

# Image embedding (same vector space!)
img_vec = embed_image("/path/to/chart.png")

# Cross-modal similarity
similarity = text_vec @ img_vec.T

# Rerank search results
candidates = vector_search(query, top_k=20)
reranked = rerank_results(query, candidates, top_k=5)
"""


def test_the_snippet_of_the_mission_runs_as_printed() -> None:
    from llama_index.core import Document

    here: dict[str, Any] = {"documents": [Document(text=caption) for caption in CAPTIONS]}
    exec(compile(ADAPTER_SNIPPET, "snippet", "exec"), here)
    answer = here["query_engine"].query("a yellow cross")
    assert len(answer.source_nodes) == 5
    assert answer.source_nodes[0].node.get_content() == "a yellow cross"
    scores = [each.score for each in answer.source_nodes]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.5 > scores[-1]
    again = awaited(here["query_engine"].aquery("a yellow cross"))
    assert [each.node_id for each in again.source_nodes] == [each.node_id for each in answer.source_nodes]


def test_the_snippet_of_the_doors_runs_as_printed(qwen3_vl_pictures: Path) -> None:
    text = DOORS_SNIPPET.replace("/path/to/chart.png", str(qwen3_vl_pictures / "t_yellow_cross.png"))
    names = sorted(qwen3_vl_pictures.glob("t_*.png"))
    here: dict[str, Any] = {
        "query": "a yellow cross",
        "vector_search": lambda query, top_k: [{"id": path.stem, "image": str(path)} for path in names[:top_k]],
    }
    exec(compile(text, "snippet", "exec"), here)
    assert here["text_vec"].shape == here["img_vec"].shape == (64,)
    assert -1 <= float(here["similarity"]) <= 1
    assert len(here["reranked"]) == 5
    assert here["reranked"][0]["id"] == "t_yellow_cross"
    assert len({each["raw_score"] for each in here["reranked"]}) == 5


def test_pictures_come_as_paths_as_bytes_and_in_batches_also_async(qwen3_vl_pictures: Path) -> None:
    from cortex_engine.qwen3_vl_embedding_service import Qwen3VLEmbeddingService
    from cortex_engine.qwen3_vl_llamaindex_adapter import Qwen3VLEmbedding

    model = Qwen3VLEmbedding(dimensions=32, embed_batch_size=2)
    paths = [str(qwen3_vl_pictures / f"t_{name}.png") for name in ("red_circle", "yellow_cross", "blue_square")]
    batch = model.get_image_embedding_batch(paths)
    np.testing.assert_allclose(np.linalg.norm(batch, axis=1), 1, atol=1e-6)
    for given in (paths[0], BytesIO(Path(paths[0]).read_bytes()), Path(paths[0]).as_uri()):
        np.testing.assert_allclose(model.get_image_embedding(given), batch[0], atol=2e-6)
    again = awaited(model.aget_image_embedding_batch(paths))
    np.testing.assert_allclose(again, batch, atol=2e-6)
    query = np.asarray(model.get_query_embedding("a yellow cross"))
    assert int((np.asarray(batch) @ query).argmax()) == 1
    np.testing.assert_allclose(awaited(model.aget_query_embedding("a yellow cross")), query, atol=2e-6)
    texts = model.get_text_embedding_batch(["a yellow cross", "a red circle", "a blue square"])
    np.testing.assert_allclose(texts[0], Qwen3VLEmbeddingService(dimensions=32).embed_text("a yellow cross"), atol=2e-6)
    with pytest.raises(UsageError, match="lies in the network"):
        model.get_image_embedding("https://example.org/a.png")


def test_the_reranker_looks_at_image_nodes(qwen3_vl_pictures: Path) -> None:
    from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle

    from cortex_engine.qwen3_vl_llamaindex_adapter import Qwen3VLReranker

    def path(name: str) -> Path:
        return qwen3_vl_pictures / f"t_{name}.png"

    nodes = [
        ImageNode(image_path=str(path("red_circle")), id_="path"),
        ImageNode(image=base64.b64encode(path("yellow_cross").read_bytes()).decode(), id_="bytes"),
        ImageNode(image_url=path("green_square").as_uri(), id_="url"),
        ImageNode(text="a blue triangle", id_="text"),
    ]
    scored = [NodeWithScore(node=node, score=0.1) for node in nodes]
    reranker = Qwen3VLReranker(top_n=2)
    best = {}
    for query, wanted in {"a yellow cross": "bytes", "a red circle": "path", "a green square": "url"}.items():
        found = reranker.postprocess_nodes(scored, query_str=query)
        assert len(found) == 2
        assert found[0].node_id == wanted
        best[query] = found[0].score
    assert all(0.5 < score <= 1 for score in best.values())
    assert [each.score for each in scored] == [0.1] * 4  # what was given is not touched
    found = awaited(reranker.apostprocess_nodes(scored, query_str="a yellow cross"))
    assert found[0].node_id == "bytes"
    bundle = QueryBundle("a yellow cross", image_path=str(path("yellow_cross")))
    assert len(reranker.postprocess_nodes(scored, bundle)) == 2
    assert reranker.postprocess_nodes([], query_str="a yellow cross") == []
    with pytest.raises(UsageError, match="needs the query"):
        reranker.postprocess_nodes(scored)
    far = [NodeWithScore(node=ImageNode(image_url="https://example.org/a.png", id_="far"), score=0.1)]
    with pytest.raises(UsageError, match="'far' cannot be judged.*lies in the network"):
        reranker.postprocess_nodes(far, query_str="a yellow cross")


@pytest.fixture
def library(open_suite: OpenSuite, folder: Path, qwen3_vl_pictures: Path) -> CortexSuite:
    """Three documents in a collection of hashed words, four pictures in one that sees."""
    suite = open_suite()
    suite.ingest([folder], "Papers", recursive=True)
    return suite


def test_our_search_is_a_retriever(library: CortexSuite) -> None:
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.schema import MetadataMode

    from cortex_engine.qwen3_vl_llamaindex_adapter import CortexRetriever

    retriever = CortexRetriever(library, top_k=2, collections=("Papers",))
    hits = library.search("which tea is steamed").hits
    found = retriever.retrieve("which tea is steamed")
    assert found[0].node_id == hits[0].chunk_id
    assert found[0].score == pytest.approx(hits[0].score)
    node = found[0].node
    assert node.get_content() == hits[0].text
    assert node.metadata["document"] == "tea.md"
    assert node.metadata["collections"] == "Papers"
    assert node.metadata["page"] == 1
    assert "tea.md" in node.metadata["citation"]
    assert node.ref_doc_id == hits[0].document_id
    assert "citation" not in node.get_metadata_str(MetadataMode.LLM)
    again = awaited(retriever.aretrieve("which tea is steamed"))
    assert [each.node_id for each in again] == [each.node_id for each in found]
    answer = RetrieverQueryEngine.from_args(retriever).query("which tea is steamed")
    assert answer.source_nodes[0].node_id == hits[0].chunk_id
    with pytest.raises(UsageError, match="no search mode"):
        CortexRetriever(library, mode="guess")


def test_pictures_of_the_library_are_image_nodes_and_pictures_are_questions(
    open_suite: OpenSuite, qwen3_vl_models: Path, qwen3_vl_pictures: Path, tmp_path: Path
) -> None:
    from llama_index.core.schema import ImageNode, QueryBundle

    from cortex_engine.embedding_adapters import CortexEmbedding
    from cortex_engine.qwen3_vl_llamaindex_adapter import CortexRetriever, Qwen3VLReranker

    model = str(qwen3_vl_models / "trained_embedding")
    suite = open_suite(
        CORTEX_EMBEDDING_BACKEND="qwen3_vl", QWEN3_VL_EMBEDDING_MODEL=model, QWEN3_VL_DEVICE="cpu", CORTEX_OCR="false"
    )
    names = ("yellow_cross", "red_circle", "blue_square", "green_triangle")
    suite.ingest([qwen3_vl_pictures / f"t_{name}.png" for name in names], "Shapes")
    retriever = CortexRetriever(suite, top_k=4, kinds=(HitKind.PICTURE,), rerank=False)
    found = retriever.retrieve("a yellow cross")
    first = found[0].node
    assert isinstance(first, ImageNode)
    assert first.metadata["document"] == "t_yellow_cross.png"
    assert base64.b64decode(first.image or "")
    assert (
        Qwen3VLReranker(top_n=1).postprocess_nodes(found, query_str="a red circle")[0].node.metadata["document"]
        == "t_red_circle.png"
    )
    alike = retriever.retrieve(QueryBundle("", image_path=str(qwen3_vl_pictures / "t_blue_square.png")))
    assert alike[0].node.metadata["document"] == "t_blue_square.png"
    with pytest.raises(UsageError, match="cannot be read"):
        retriever.retrieve(QueryBundle("", image_path=str(tmp_path / "none.png")))

    wrapped = CortexEmbedding(suite=suite, collection="Shapes")
    assert wrapped.dimensions == 64
    picture = wrapped.get_image_embedding(str(qwen3_vl_pictures / "t_yellow_cross.png"))
    texts = wrapped.get_text_embedding_batch(["a yellow cross", "a red circle"])
    assert np.dot(picture, texts[0]) > np.dot(picture, texts[1])


def test_any_embedder_of_ours_is_one_of_llamaindex(library: CortexSuite) -> None:
    from llama_index.core import Document, VectorStoreIndex

    from cortex_engine.embedding.hashing import HashingEmbedder
    from cortex_engine.embedding_adapters import CortexEmbedding

    documents = [Document(text="Green tea is steamed."), Document(text="The puffin digs a burrow.")]
    for model in (CortexEmbedding(HashingEmbedder()), CortexEmbedding("hashing"), CortexEmbedding(suite=library)):
        index = VectorStoreIndex.from_documents(documents, embed_model=model)
        found = index.as_retriever(similarity_top_k=1).retrieve("which tea")
        assert found[0].node.get_content() == "Green tea is steamed."
        assert model.model_name == "words-and-trigrams"
        query = awaited(model.aget_query_embedding("which tea"))
        np.testing.assert_allclose(query, HashingEmbedder().embed_query("which tea"))
        assert awaited(model.aget_text_embedding_batch(["tea", "puffin"])) == model.get_text_embedding_batch(
            ["tea", "puffin"]
        )
        with pytest.raises(UsageError, match="reads text only"):
            model.get_image_embedding("a.png")
    with pytest.raises(UsageError, match="not both"):
        CortexEmbedding("hashing", suite=library)
    with pytest.raises(UsageError, match="without the library"):
        CortexEmbedding(collection="Papers")


@pytest.mark.parametrize("module", ["qwen3_vl_llamaindex_adapter", "embedding_adapters"])
def test_without_llamaindex_the_adapters_say_what_to_install_and_everything_else_goes_on(module: str) -> None:
    code = (
        "import sys; sys.modules['llama_index'] = None; sys.modules['llama_index.core'] = None\n"
        "import cortex_engine, cortex_engine.suite, cortex_engine.qwen3_vl_embedding_service, cortex_engine.cli\n"
        f"try:\n    import cortex_engine.{module}\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install -r requirements-llamaindex.txt" in done.stdout


def test_nothing_else_imports_llamaindex() -> None:
    code = (
        "import sys, cortex_engine.suite, cortex_engine.qwen3_vl_embedding_service, cortex_engine.qwen3_vl_reranker_service\n"
        "import cortex_engine.embedding_service, cortex_engine.cli, cortex_engine.api.application\n"
        "print([name for name in sys.modules if name.split('.')[0] in {'llama_index', 'torch', 'transformers'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
