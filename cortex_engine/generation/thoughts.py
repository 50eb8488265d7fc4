"""What models think aloud before they answer, taken out of a stream."""

from __future__ import annotations

from collections.abc import Iterator

_OPEN, _CLOSE = "<think>", "</think>"


def without_thoughts(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces without what stands between `<think>` and `</think>`, wherever the tags are cut.

    >>> list(without_thoughts(iter(["<th", "ink>hm", "</think>", "Yes"])))
    ['Yes']
    """
    waiting, thinking = "", False
    for piece in pieces:
        waiting += piece
        while waiting:
            tag = _CLOSE if thinking else _OPEN
            before, found, after = waiting.partition(tag)
            if found:
                if before and not thinking:
                    yield before
                waiting, thinking = after, not thinking
                continue
            kept = _beginning(waiting, tag)
            if not thinking and len(waiting) > kept:
                yield waiting[: len(waiting) - kept]
            waiting = waiting[len(waiting) - kept :]
            break
    if waiting and not thinking:
        yield waiting


def answered(text: str) -> str:
    """A whole text without thoughts of which only the end is marked: chat templates often write the opening tag themselves.

    >>> answered("Let me see.</think>Yes")
    'Yes'
    """
    return text.rpartition(_CLOSE)[2]


def _beginning(text: str, tag: str) -> int:
    """How many characters at the end of the text may begin the tag."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)
