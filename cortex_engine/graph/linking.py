"""Names in a query: which entities of the graph it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cortex_engine.core.names import fold

LONGEST_NAME = 8
"""Words of the longest name that is looked for."""

_LONGEST_RUN = 12
"""Characters of the longest name in a script without spaces."""

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{2,}")


def names_in(text: str, index: Mapping[str, int]) -> list[tuple[str, int]]:
    """The names of `index` that a text holds, in its order, each once: folded name and number.

    Compared are runs of whole words without case, accents and possessives; the longest from each place on counts, so that
    "New York Times" is not also "York". In scripts without spaces runs of characters take the place of words.

    >>> names_in("Who was Bill Gates's partner at Microsoft?", {"bill gates": 4, "gates": 4, "microsoft": 7})
    [('bill gates', 4), ('microsoft', 7)]
    """
    words = fold(text).split()
    found: dict[int, str] = {}
    place = 0
    while place < len(words):
        for length in range(min(LONGEST_NAME, len(words) - place), 0, -1):
            name = next((each for each in _read(words[place : place + length]) if each in index), "")
            if name:
                found.setdefault(index[name], name)
                place += length - 1
                break
        else:
            for run in _UNSPACED.findall(words[place]):
                for name in _within(run, index):
                    found.setdefault(index[name], name)
        place += 1
    return [(name, number) for number, name in found.items()]


def _read(words: Sequence[str]) -> Iterator[str]:
    """What a run of words may be called: as it stands ("schindler's list"), and without possessives and quotation marks."""
    name = " ".join(words)
    yield name
    if "'" in name:
        name = name.strip("'")
        yield name
        yield name.removesuffix("'s")
        yield " ".join(word.removesuffix("'s").strip("'") for word in words)


def _within(run: str, index: Mapping[str, int]) -> Iterator[str]:
    place = 0
    while place < len(run):
        for end in range(min(len(run), place + _LONGEST_RUN), place + 1, -1):
            if run[place:end] in index:
                yield run[place:end]
                place = end - 1
                break
        place += 1
