"""From a parsed document to passages that fit the embedder."""

from cortex_engine.chunking.text import TextChunker

__all__ = ["TextChunker"]
