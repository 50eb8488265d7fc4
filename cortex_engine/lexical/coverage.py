"""How much of a query a passage's words hold, and what each word of a query weighs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.lexical.queries import QueryBuilder

if TYPE_CHECKING:
    import tantivy


def coverage(
    builder: QueryBuilder, query: LexicalQuery, chunk_ids: Iterable[str]
) -> tuple[tantivy.Query | None, float]:
    """A query that gives each of the passages the weight of the words it holds, and the weight of all words.

    Unlike BM25 it counts a word once, however often it stands there and however short the passage is, and it knows what is
    lacking: a word that no passage holds weighs as much as the rarest.
    """
    import tantivy

    words = builder.weighed(query)
    clauses = [
        (tantivy.Occur.Should, tantivy.Query.const_score_query(word.matching, word.weight))
        for word in words
        if word.matching is not None
    ]
    total = sum(word.weight for word in words)
    if not clauses:
        return None, total
    held = tantivy.Query.boolean_query(clauses)
    return builder.both(held, builder.any_of("chunk_id", chunk_ids)), total
