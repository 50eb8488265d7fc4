"""What gives a passage its meaning but stands elsewhere: the headings above it and the header row of its table."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine.core.protocols import Tokenizer

SEPARATOR = " > "
_LONGEST = 600
"""Characters of a heading or header row that are looked at: more never fits."""


class ContextWriter:
    """Writes contexts within their share of the limit, and remembers them, since many passages share one."""

    def __init__(self, tokenizer: Tokenizer, share: int) -> None:
        self._tokenizer = tokenizer
        self._share = share
        """Most tokens of the heading path, and of the header row, each."""
        self._special = tokenizer.lengths([""])[0]
        self._known: dict[tuple[tuple[str, ...], str], tuple[str, int]] = {}

    def write(self, path: tuple[str, ...], header: str) -> str:
        """Heading path, then header row, each shortened to its share; "" when there is neither."""
        return self._entry(path, header)[0]

    def tokens(self, path: tuple[str, ...], header: str) -> int:
        """Tokens that this context takes from a passage, without special tokens."""
        return self._entry(path, header)[1]

    def _entry(self, path: tuple[str, ...], header: str) -> tuple[str, int]:
        key = (path, header)
        if key not in self._known:
            parts = [self._path(path), self._row(header)]
            context = "\n".join(part for part in parts if part)
            size = self._tokenizer.lengths([context])[0] - self._special if context else 0
            self._known[key] = (context, size)
        return self._known[key]

    def _path(self, path: tuple[str, ...]) -> str:
        """The whole path, or its ends, or its last heading, or the beginning of that."""
        if not path:
            return ""
        headings = [heading[:_LONGEST] for heading in path]
        options = [SEPARATOR.join(headings)]
        if len(headings) > 2:
            options.append(SEPARATOR.join([headings[0], "…", headings[-1]]))
        options.append(headings[-1])
        return self._first_fit(options) or self._beginning(headings[-1])

    def _row(self, header: str) -> str:
        row = " ".join(header[:_LONGEST].split(" ")).strip()
        row = " ".join(row.splitlines())
        return (self._first_fit([row]) or self._beginning(row)) if row else ""

    def _first_fit(self, options: Sequence[str]) -> str:
        sizes = self._tokenizer.lengths(list(options))
        fitting = (text for text, size in zip(options, sizes, strict=True) if size - self._special <= self._share)
        return next(fitting, "")

    def _beginning(self, text: str) -> str:
        """As many whole words as fit, with an ellipsis; "" where not even one fits."""
        words = text.split()[: self._share]
        options = [" ".join(words[:count]) + " …" for count in range(len(words), 0, -1)]
        return self._first_fit(options) if options else ""
