"""Settings that rooms take as arguments: plain values, no reading of files or environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How files are read, and the limits of the box that reads them (figures: `docs/explanation/parse-box.md`)."""

    ocr: bool = True
    """Read pages without a text layer, and pictures, by OCR."""
    ocr_language: str = ""
    """Hint for OCR ("" lets the model decide)."""
    memory_bytes: int = 1_500_000_000
    """RLIMIT_AS of one parsing process."""
    cpu_seconds: float = 10.0
    cpu_seconds_per_page: float = 0.2
    ocr_seconds_per_page: float = 60.0
    wall_seconds: float = 60.0
    """Hard end of one parsing process (without OCR pages)."""
    file_bytes: int = 100_000_000
    output_bytes: int = 20_000_000
    """Largest result one file may give."""
    pages: int = 2_000
    characters: int = 5_000_000
    image_pixels: int = 50_000_000
    frames: int = 200
    archive_entries: int = 2_000
    archive_bytes: int = 200_000_000
    archive_ratio: int = 200
    table_columns: int = 16_384
    table_cells: int = 2_000_000
    html_bytes: int = 10_000_000
    html_depth: int = 512
    render_pixels: int = 4_000_000
    """Largest picture a page is rendered to."""


STANDARD_PASSAGE = 512
"""Tokens of the longest passage when nothing is set: a model that reads 8,192 would make one vector of a whole chapter,
which says where something stands as little as it says what."""


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """How text is cut.

    Attributes:
        max_tokens: upper limit of one passage with its context, in the embedder's tokens, special tokens included;
            0 means 512, or the embedder's own limit where that is less.
        overlap_sentences: sentences repeated from the end of the previous passage of the same section.
    """

    max_tokens: int = 0
    overlap_sentences: int = 0

    def limit(self, model_tokens: int) -> int:
        """Tokens of the longest passage for a model that reads so many.

        >>> ChunkOptions().limit(256), ChunkOptions().limit(8192), ChunkOptions(max_tokens=1000).limit(8192)
        (256, 512, 1000)
        """
        return min(self.max_tokens or STANDARD_PASSAGE, model_tokens)


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How the query line works.

    Attributes:
        candidates: how many passages each recaller gives to fusion.
        exact_below: up to this many passages in scope, vectors are scanned exactly instead of asking the store.
        fusion: name of the fusion method.
        max_per_document: diversity cap for ungrouped results, 0 for none (trap T10).
        rerank: whether a reranker is switched on.
        rerank_candidates: how many enter it; rerank_top_k: how many leave it, the others follow in their former order.
        picture_weight: share of a picture's own vector in its score, 0..1; the rest is its description's.
    """

    candidates: int = 200
    exact_below: int = 50_000
    fusion: str = "standardised"
    max_per_document: int = 0
    rerank: bool = False
    rerank_candidates: int = 20
    rerank_top_k: int = 5
    picture_weight: float = 0.5
