"""What of a document becomes pictures: which pages, how large, and what is to be said of those that do not."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cortex_engine.core import identifiers
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Page, PagePicture
from cortex_engine.core.errors import ModelUnavailableError, ParseError
from cortex_engine.core.pictures import DescribedBy, Picture, VectorName
from cortex_engine.core.protocols import DocumentParser, Embedder

_log = logging.getLogger(__name__)

_LONGEST_DESCRIPTION = 8_000
"""Characters of a page's text that describe it."""

Missing = Mapping[Picture, Sequence[VectorName]]
"""Pictures and the names of the vectors that they lack."""


@dataclass(frozen=True, slots=True)
class Original:
    """What pictures are drawn from."""

    document_id: str
    name: str
    path: Path
    media_type: str
    parser: DocumentParser

    def draw(self, picture: Picture) -> PagePicture:
        """The page, every pixel as it was drawn.

        Raises:
            ParseError: it cannot be drawn.
        """
        return self.parser.render(self.path, self.name, picture.page, (), picture.width, lossless=True)


@dataclass(slots=True)
class Remarks:
    """What is to be said of the pictures of one document."""

    lost: dict[str, str] = field(default_factory=dict)
    """Picture id -> why it can be neither drawn nor embedded."""
    sentences: list[str] = field(default_factory=list)
    absent: bool = False
    """The model that sees is not there."""

    @property
    def all(self) -> list[str]:
        """Every sentence once."""
        return list(dict.fromkeys((*self.lost.values(), *self.sentences)))

    def wait(self, error: ModelUnavailableError) -> None:
        """Say that pictures wait for their model."""
        _log.warning("embedding of pictures postponed: %s", error)
        self.absent = True
        self.sentences.append(f"Pictures are found when the model is there: {error}")


def plan(document_id: str, media_type: str, pages: Sequence[Page], spec: EmbeddingSpec) -> list[Picture]:
    """The pictures that a document has, not drawn yet, described by the text of their pages.

    Pages without a size (a frame that could not be decoded) are left out.
    """
    planned = []
    for page in pages:
        if page.width <= 0 or page.height <= 0:
            continue
        text = page.text.strip()[:_LONGEST_DESCRIPTION]
        by = DescribedBy.OCR if text else DescribedBy.NOBODY
        size = drawn_size(page.width, page.height, spec.max_pixels, enlarge=media_type != "image")
        key = identifiers.picture_id(document_id, page.number)
        planned.append(Picture(key, document_id, page.number, *size, text, by))
    return planned


def drawn_size(width: float, height: float, max_pixels: int, *, enlarge: bool) -> tuple[int, int]:
    """Width and height in pixels of a drawing with at most so many pixels and the page's proportions.

    Args:
        enlarge: use all of them (a page is drawn, not enlarged); a picture keeps its own size where that is less.
    """
    if not enlarge and width * height <= max_pixels:
        return max(1, round(width)), max(1, round(height))
    wide = max(1, int(math.sqrt(max_pixels * width / height)))
    while wide > 1 and wide * max(1, round(wide * height / width)) > max_pixels:
        wide -= 1
    return wide, max(1, round(wide * height / width))


def cut(text: str, embedder: Embedder, max_tokens: int) -> str:
    """The beginning of a text that the model reads whole."""
    while text and (tokens := embedder.tokenizer.lengths([text])[0]) > max_tokens:
        text = text[: min(len(text) - 1, int(len(text) * max_tokens / tokens))].rstrip()
    return text


def draw(original: Original, missing: Missing, remarks: Remarks) -> dict[str, PagePicture]:
    """Drawings of the pictures that lack a vector of their look."""
    drawn = {}
    for picture, names in missing.items():
        if VectorName.PICTURE in names:
            try:
                drawn[picture.id] = original.draw(picture)
            except ParseError as error:
                remarks.lost[picture.id] = f"Page {picture.page} is not searched by its look: {error}"
    return drawn


def as_drawn(missing: Missing, drawn: Mapping[str, PagePicture], remarks: Remarks) -> list[Picture]:
    """The pictures with the sizes that they were really drawn in, without the lost ones."""
    pictures = []
    for picture in missing:
        if picture.id not in remarks.lost:
            page = drawn.get(picture.id)
            pictures.append(replace(picture, width=page.width, height=page.height) if page else picture)
    return pictures
