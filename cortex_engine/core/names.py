"""Names folded: what two spellings of one name have in common."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("+#&@")
"""Marks that tell names apart: C++ from C, AT&T, an address."""


def fold(name: str) -> str:
    """A name without case, accents, marks and double spaces; "" where nothing is left.

    >>> fold("  Émile  Zola’s "), fold("U.S."), fold("C++"), fold("C")
    ("emile zola's", 'us', 'c++', 'c')
    """
    plain = unicodedata.normalize("NFKD", name.replace("’", "'")).casefold()
    kept = []
    for character in plain:
        if unicodedata.combining(character) or character == ".":
            continue
        kept.append(character if character.isalnum() or character in _KEPT or character == "'" else " ")
    return " ".join("".join(kept).split())
