"""The plug board: the one file that knows which class stands for which name in the settings (with `embedders` for its part).

Builders import inside the function, so that naming a backend costs nothing until it is used. Further backends come in
through entry points of the groups `cortex_engine.embedders`, `cortex_engine.rerankers` and `cortex_engine.vector_stores`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cortex_engine.catalog.pictures import PictureCache
from cortex_engine.config import CortexConfig, chat_endpoint, secret, vision_key
from cortex_engine.core.answers import ChatModel
from cortex_engine.core.app import IngestOptions
from cortex_engine.core.catalog import BlobStore
from cortex_engine.core.documents import Box, PagePicture
from cortex_engine.core.errors import ConfigError, ModelUnavailableError
from cortex_engine.core.graph_records import EntityExtractor
from cortex_engine.core.plugs import find_plug
from cortex_engine.core.protocols import (
    Chunker,
    DocumentParser,
    Embedder,
    LexicalIndex,
    PictureDescriber,
    Reranker,
    VectorStore,
)
from cortex_engine.embedders import build_embedder, embedder_for, embedder_of, qwen3_vl_embedder, spec_for
from cortex_engine.placement import placement

__all__ = ["build_embedder", "embedder_for", "embedder_of", "qwen3_vl_embedder", "spec_for"]

RerankerBuilder = Callable[[CortexConfig], Reranker]
StoreBuilder = Callable[[Path, int], VectorStore]


def build_reranker(config: CortexConfig) -> Reranker | None:
    """The reranker that the settings name; None where they name none.

    Raises:
        ConfigError: no reranker of this name, or one that lacks a setting.
        ModelUnavailableError: no size of Qwen3-VL fits this machine.
    """
    if config.reranker_in_use == "none":
        return None
    reranker: Reranker = find_plug("rerankers", _RERANKERS, config.reranker_in_use)(config)
    return reranker


def build_vector_store(backend: str, folder: Path, dimension: int) -> VectorStore:
    """A vector store in `folder`.

    Raises:
        ConfigError: no backend of this name.
        IndexUnavailableError: what lies in the folder is damaged.
    """
    builder = find_plug("vector_stores", _VECTOR_STORES, backend)
    store: VectorStore = builder(folder, dimension)
    return store


def build_lexical_index(folder: Path, read_only: bool = False) -> LexicalIndex:
    """The word index in `folder`.

    Raises:
        IndexUnavailableError: what lies in the folder is damaged.
    """
    from cortex_engine.lexical.tantivy_index import TantivyIndex

    return TantivyIndex(folder, read_only=read_only)


def lexical_fingerprint() -> str:
    """Changes whenever the word index must be built anew (its layout, its analysis of words)."""
    from cortex_engine.lexical.tantivy_index import TantivyIndex

    return TantivyIndex(Path(), read_only=True).fingerprint


def build_parser(config: CortexConfig) -> DocumentParser:
    """The parser: all formats, in a limited process."""
    from cortex_engine.parsing.box import ParseBox

    return ParseBox(config.parse_options(), workers=config.parse_workers)


def parser_for(config: CortexConfig, parser: DocumentParser, options: IngestOptions) -> DocumentParser:
    """The parser for the files of a job that has options of its own."""
    from cortex_engine.parsing.box import ParseBox

    settings = config.parse_options()
    wanted = replace(
        settings,
        ocr=settings.ocr if options.ocr is None else options.ocr,
        ocr_language=options.ocr_language or settings.ocr_language,
    )
    return parser.reading(wanted) if wanted != settings and isinstance(parser, ParseBox) else parser


def ocr_absence() -> str:
    """Why pictures cannot be read here, as a sentence, or ""; nothing is loaded to find out."""
    from cortex_engine.parsing.registry import ocr_absence as absence

    return absence()


def ocr_languages() -> frozenset[str]:
    """ISO 639-1 codes of the languages that OCR reads."""
    from cortex_engine.parsing.registry import OCR_LANGUAGES

    return OCR_LANGUAGES


def detect_language(text: str) -> str:
    """ISO 639-1 code of a text, or "" where undecided."""
    from cortex_engine.parsing.language import detect_language as detect

    return detect(text)


def build_chunker(config: CortexConfig, embedder: Embedder, options: IngestOptions | None = None) -> Chunker:
    """The chunker that fits an embedder's limit and a job's options."""
    from cortex_engine.chunking.text import TextChunker

    settings = config.chunk_options()
    if options is not None and options.chunk_max_tokens:
        settings = replace(settings, max_tokens=options.chunk_max_tokens)
    return TextChunker(embedder.tokenizer, embedder.spec.max_tokens, settings)


def build_pictures(config: CortexConfig) -> PictureCache:
    """The pictures of pages that are kept."""
    return PictureCache(config.data_dir / "pages", keep_free=room_to_keep(config))


def mark_picture(
    picture: PagePicture, passage: Sequence[Box], terms: Sequence[Box], edges: Sequence[float]
) -> PagePicture:
    """The picture of a page with the passage's lines (bars left of `edges`) and single words marked.

    Raises:
        ParseError: the picture cannot be read.
    """
    from cortex_engine.parsing.marking import mark_picture as mark

    return mark(picture, passage, terms, edges)


def build_blobs(config: CortexConfig) -> BlobStore:
    """The originals."""
    from cortex_engine.catalog.blobs import FileBlobStore

    return FileBlobStore(config.data_dir / "blobs", min_free_bytes=room_to_keep(config))


def room_to_keep(config: CortexConfig) -> int:
    """Bytes of the library's disk that must stay free: the setting, or 5 % of the disk if that is less."""
    return min(config.min_free_bytes, int(shutil.disk_usage(config.data_dir).total * 0.05))


def build_qwen3_vl_reranker(config: CortexConfig, refuse_random: bool = True) -> Reranker:
    """The Qwen3-VL reranker of settings that use one.

    Args:
        refuse_random: whether a checkpoint whose scores look random to the probe is refused.

    Raises:
        ModelUnavailableError: no size fits this machine.
    """
    from cortex_engine.checkpoints.qwen3_vl import RunningWishes
    from cortex_engine.reranking.qwen3_vl import Qwen3VLReranker

    place = placement(config)
    if place.reranker_fault:
        raise ModelUnavailableError(place.reranker_fault)
    wishes = RunningWishes(
        device=place.reranker_device,
        precision=config.qwen3_vl_dtype,
        flash_attention=config.qwen3_vl_use_flash_attention,
        max_pixels=config.qwen3_vl_max_pixels,
    )
    return Qwen3VLReranker(
        place.reranker_model,
        batch_size=config.qwen3_vl_rerank_batch_size,
        wishes=wishes,
        offline=config.offline,
        refuse_random=refuse_random,
    )


def _late_interaction(config: CortexConfig) -> Reranker:
    from cortex_engine.embedding.token_vectors import PackagedTokenVectors
    from cortex_engine.reranking.local import LateInteractionReranker
    from cortex_engine.retrieval.function_words import without_function_words

    return LateInteractionReranker(PackagedTokenVectors(config.data_dir / "models"), without_function_words)


def _cross_encoder(config: CortexConfig) -> Reranker:
    from cortex_engine.reranking.cross_encoder import DEFAULT_MODEL, CrossEncoderReranker

    return CrossEncoderReranker(
        config.reranker_model or DEFAULT_MODEL, device=config.embedding_device, offline=config.offline
    )


def _http_reranker(config: CortexConfig) -> Reranker:
    from cortex_engine.reranking.http import HttpReranker

    if not config.reranker_url:
        raise ConfigError(
            "The setting 'reranker' is 'http', but 'reranker_url' is empty. Name the address of the service, for example "
            "http://localhost:8000/v1/rerank."
        )
    return HttpReranker(config.reranker_url, model=config.reranker_model, key=secret("CORTEX_RERANKER_API_KEY"))


def build_describer(config: CortexConfig) -> PictureDescriber | None:
    """What describes pictures in words; None where no endpoint is set. Settings that cannot be used are told when asked."""
    from cortex_engine.generation.vision import OpenAICompatibleDescriber, UnusableDescriber

    if not config.vision_api_base:
        return None
    try:
        return OpenAICompatibleDescriber(config.vision_api_base, config.vision_model, vision_key(config))
    except ConfigError as error:
        return UnusableDescriber(str(error))


def build_extractor(config: CortexConfig) -> tuple[EntityExtractor, str]:
    """What finds entities and relations, and why it is this one, as a sentence. Nothing is loaded, and nothing fails, for it:
    an extractor that was asked for and cannot be used says so when it is to extract.
    """
    from cortex_engine.graph.unusable import UnusableExtractor

    try:
        return _chosen_extractor(config)
    except Exception as error:  # noqa: BLE001  (a damaged installation: files go in nevertheless, and the page says why)
        reason = f"Names cannot be found: what finds them cannot be loaded ({type(error).__name__}: {error})."
        return UnusableExtractor(config.entity_extractor, f"{reason} Install Cortex Suite again."), reason


def _chosen_extractor(config: CortexConfig) -> tuple[EntityExtractor, str]:
    from cortex_engine.graph.extraction import RuleExtractor
    from cortex_engine.graph.spacy_model import SpacyExtractor, model_version

    wanted, model = config.entity_extractor, config.spacy_model
    installed = model_version(model)
    if wanted == "llm":
        return _llm_extractor(config)
    if wanted == "rules":
        return RuleExtractor(), "The settings say that rules find the names."
    if wanted == "spacy" and not installed:
        return SpacyExtractor(model), (
            f"The settings ask for the spaCy model {model}, which is not installed: no names are found. Install it "
            f"(python -m spacy download {model}), or set entity_extractor to rules."
        )
    if installed:
        return SpacyExtractor(model), f"The spaCy model {model} {installed} is installed and finds the names."
    return RuleExtractor(), f"Rules find the names; the spaCy model {model}, which finds more, is not installed."


def _llm_extractor(config: CortexConfig) -> tuple[EntityExtractor, str]:
    from cortex_engine.graph.llm_extraction import LlmExtractor
    from cortex_engine.graph.unusable import UnusableExtractor

    try:
        chat = build_chat_model(config)
    except ConfigError as error:
        return UnusableExtractor("LLM", str(error)), f"No names are found: {error}"
    if chat is None:
        reason = f"Names cannot be found by a language model: {chat_absence(config)}"
        return UnusableExtractor("LLM", reason), reason
    return LlmExtractor(chat), f"The settings say that {chat.name} finds the names: every passage is sent there."


def build_chat_model(config: CortexConfig) -> ChatModel | None:
    """What writes answers; None where no endpoint is set (`chat_absence` says so).

    Raises:
        ConfigError: the address or the key cannot be used.
    """
    from cortex_engine.generation.chat import OpenAICompatibleChat

    endpoint = chat_endpoint(config)
    if endpoint is None:
        return None
    key = secret(endpoint.key_name) if endpoint.key_name else ""
    return OpenAICompatibleChat(endpoint.base, endpoint.model, key, timeout=config.chat_timeout_s)


def chat_absence(config: CortexConfig) -> str:
    """Why no model writes answers, as a sentence, or ""."""
    if chat_endpoint(config) is not None:
        return ""
    return (
        "No chat endpoint is set, so answers quote the best sentences. Set 'chat_api_base' (or RUNPOD_API_BASE) to have a model "
        "write them; questions and passages are sent there then."
    )


def _exact(folder: Path, dimension: int) -> VectorStore:
    from cortex_engine.vector_stores.exact import ExactStore

    return ExactStore(folder, dimension)


def _chroma(folder: Path, dimension: int) -> VectorStore:
    from cortex_engine.vector_stores.chroma import ChromaStore

    return ChromaStore(folder, "passages", dimension)


_RERANKERS: Mapping[str, RerankerBuilder] = {
    "local": _late_interaction,
    "qwen3_vl": build_qwen3_vl_reranker,
    "cross_encoder": _cross_encoder,
    "http": _http_reranker,
}
_VECTOR_STORES: Mapping[str, StoreBuilder] = {"exact": _exact, "chroma": _chroma}
