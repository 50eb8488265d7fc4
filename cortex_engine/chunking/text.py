"""Text into passages: by headings, paragraphs and sentences, to the embedder's own limit, nothing ever cut off."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from cortex_engine.chunking.context import ContextWriter
from cortex_engine.chunking.outline import Segment, outline
from cortex_engine.chunking.packing import CHARACTERS_PER_TOKEN, Atom, Cut, atoms, count, halve, pack
from cortex_engine.core.documents import BlockKind, Chunk, ParsedDocument
from cortex_engine.core.errors import UsageError
from cortex_engine.core.identifiers import chunk_id
from cortex_engine.core.options import ChunkOptions
from cortex_engine.core.protocols import Tokenizer

ALGORITHM = 1
"""Counted up whenever the same document may be cut otherwise."""
SMALLEST_LIMIT = 16
_AIM = 0.75
"""Length aimed at, as a share of the limit: a passage near the limit speaks of too much, and one vector blurs it."""
_LONGEST_AIM = 320
"""Tokens that are aimed at even where the model would take thousands."""
_SMALL = 0.25
"""Sections below this share of the limit are joined with the next one under the same heading."""
_CONTEXT = 0.25
"""Share of the limit that the heading path may take, and as much again for a table's header row."""
_PROBES = ("The quick brown fox.", "Größenänderung", "知识库的搜索", "кратко", "بحث", "x=1.5e-3;", "🙂 naïve")


class TextChunker:
    """Implements `Chunker` for text of every kind."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, options: ChunkOptions) -> None:
        self._tokenizer = tokenizer
        self._options = options
        self._limit = options.limit(max_tokens)

    @property
    def fingerprint(self) -> str:
        """Algorithm, limit, options, and how the tokenizer counts a few probes (another tokenizer cuts otherwise)."""
        counts = hashlib.sha256(repr(self._tokenizer.lengths(_PROBES)).encode()).hexdigest()[:8]
        return f"text-{ALGORITHM}:{self._limit}:{self._options.overlap_sentences}:{counts}"

    def split(self, document_id: str, parsed: ParsedDocument) -> list[Chunk]:
        """Passages in reading order, none over the limit; every character that is not white space stands in one.

        A document that fits into one passage stays whole. Otherwise passages follow sections; a heading stands with
        the text under it, a table row is cut only when it alone is too long.

        Raises:
            UsageError: the limit is below 16 tokens, or one single character takes more tokens than the limit.
        """
        if self._limit < SMALLEST_LIMIT:
            raise UsageError(
                f"A passage limit of {self._limit} tokens is too small to cut text by. "
                f"Set the chunk limit to {SMALLEST_LIMIT} tokens or more."
            )
        text = parsed.text
        segments = outline(parsed, text)
        if not segments:
            return []
        source = _Source(document_id, text, parsed.page_starts(), [page.number for page in parsed.pages])
        special = self._tokenizer.lengths([""])[0]
        room = self._limit - special
        context = ContextWriter(self._tokenizer, int(room * _CONTEXT))

        def room_in(segment: Segment) -> int:
            return room - context.tokens(segment.path, segment.header)

        whole = self._whole(text, segments)
        if whole:
            return self._chunks(source, [whole], context)
        items = atoms(text, segments, self._tokenizer, room_in)
        aim = max(1, min(int(room * _AIM), _LONGEST_AIM))
        runs: list[list[Atom]] = []
        for group in _joined(list(_sections(items)), aim, int(room * _SMALL)):
            space = min(room_in(segment) for segment in {atom.segment for atom in group})
            runs.extend(pack(group, space, min(aim, space), self._options.overlap_sentences))
        return self._chunks(source, runs, context)

    def _whole(self, text: str, segments: Sequence[Segment]) -> list[Atom]:
        """The document as one atom, when it has one part and fits; else nothing."""
        first, last = segments[0], segments[-1]
        if first.part != last.part or last.end - first.start > self._limit * CHARACTERS_PER_TOKEN:
            return []
        tokens = self._tokenizer.lengths([text[first.start : last.end]])[0]
        if tokens > self._limit:
            return []
        return [Atom(replace(first, path=(), header=""), first.start, last.end, tokens, Cut.BLOCK)]

    def _chunks(self, source: _Source, runs: list[list[Atom]], context: ContextWriter) -> list[Chunk]:
        """Count each passage exactly as it is embedded; what is still too long is halved until it fits."""
        done: list[Chunk] = []
        pending = runs
        while pending:
            drafts = [_draft(source, run, context) for run in pending]
            sizes = count(self._tokenizer, [draft.embedded_text for draft in drafts])
            again: list[list[Atom]] = []
            for run, draft, size in zip(pending, drafts, sizes, strict=True):
                if size <= self._limit:
                    done.append(replace(draft, tokens=size))
                    continue
                halves = halve(source.text, run)
                if not halves:
                    raise UsageError(
                        f"The character {draft.text!r} alone takes {size} tokens, more than the passage limit of "
                        f"{self._limit}. Set a higher chunk limit."
                    )
                again.extend(halves)
            pending = again
        return _in_order(done)


def _in_order(chunks: list[Chunk]) -> list[Chunk]:
    """Number passages as they stand; one inside another (halved, then repeated as overlap) says nothing new."""
    kept: list[Chunk] = []
    for chunk in sorted(chunks, key=lambda chunk: (chunk.char_start, -chunk.char_end)):
        if not kept or chunk.char_end > kept[-1].char_end:
            kept.append(replace(chunk, ordinal=len(kept)))
    return kept


@dataclass(frozen=True, slots=True)
class _Source:
    """The document that is being cut."""

    document_id: str
    text: str
    page_starts: list[int]
    page_numbers: list[int]

    def page(self, offset: int) -> int:
        return self.page_numbers[bisect_right(self.page_starts, offset) - 1]


def _draft(source: _Source, run: Sequence[Atom], context: ContextWriter) -> Chunk:
    start, end = run[0].start, run[-1].end
    passage = source.text[start:end]
    header = run[0].segment.header if run[0].segment.kind is BlockKind.TABLE else ""
    if header.strip() in passage:
        header = ""
    above = context.write(_shared_path(run), header)
    embedded = f"{above}\n{passage}" if above else passage
    return Chunk(
        id=chunk_id(source.document_id, start, end, embedded),
        document_id=source.document_id,
        ordinal=0,
        text=passage,
        char_start=start,
        char_end=end,
        page=source.page(start),
        page_end=source.page(end - 1),
        context=above,
    )


def _shared_path(run: Sequence[Atom]) -> tuple[str, ...]:
    """Headings that all of the passage stands under; those in the passage itself are thereby left out."""
    paths = list(dict.fromkeys(atom.segment.path for atom in run))
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return tuple(level[0] for level in levels)


def _sections(items: Sequence[Atom]) -> Iterator[list[Atom]]:
    """A heading (with the headings right above it) and what stands under it; never across parts."""
    section: list[Atom] = []
    for atom in items:
        if section and _begins(section[-1].segment, atom.segment):
            yield section
            section = []
        section.append(atom)
    if section:
        yield section


def _begins(before: Segment, segment: Segment) -> bool:
    if before.part != segment.part:
        return True
    if segment.kind is not BlockKind.HEADING or segment is before:
        return False
    return before.kind is not BlockKind.HEADING or segment.level <= before.level


def _joined(sections: Sequence[list[Atom]], aim: int, small: int) -> Iterator[list[Atom]]:
    """Sections, the small ones joined with their neighbour as long as both stand under the same heading."""
    group: list[Atom] = []
    filled = 0
    for section in sections:
        size = sum(atom.tokens for atom in section)
        if group and min(filled, size) <= small and filled + size <= aim and _kin(group[0].segment, section[0].segment):
            group = group + section
            filled += size
            continue
        if group:
            yield group
        group, filled = section, size
    if group:
        yield group


def _kin(first: Segment, other: Segment) -> bool:
    """Whether joining the section of `other` to that of `first` keeps the headings above `first`."""
    return first.part == other.part and other.path[: len(first.path)] == first.path
