"""Builds tantivy queries from words. Nothing that a person types is ever parsed as query syntax."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortex_engine.core.protocols import LexicalQuery
from cortex_engine.lexical.tokenizer import QueryWord, Tokenizer

if TYPE_CHECKING:
    import tantivy

TITLE_WEIGHT = 0.5
"""A match in the title counts this times its BM25, on top of a match in the text."""

NO_LANGUAGE = "-"
"""What the field `language` holds for passages whose language is not known."""


def build_schema() -> tantivy.Schema:
    """The fields: `body` and `title` are scored, `words` has positions, the others filter."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("chunk_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("sample", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("title", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="position")
    return builder.build()


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word of a query.

    Attributes:
        form: as the index knows it, the first of its forms.
        weight: inverse document frequency, times how often the query has it.
        matching: passages that hold it in text or title, without a score of their own; None where there are none.
    """

    form: str
    weight: float
    matching: tantivy.Query | None


class QueryBuilder:
    """Queries against one state of the index, which `generation` numbers."""

    def __init__(
        self, schema: tantivy.Schema, searcher: tantivy.Searcher, tokenizer: Tokenizer, generation: int
    ) -> None:
        self.generation = generation
        self._schema = schema
        self._searcher = searcher
        self._tokenizer = tokenizer

    def matching(self, query: LexicalQuery, scope: tantivy.Query | None = None) -> tantivy.Query | None:
        """Passages that hold any word and meet all conditions, with their BM25; None when there can be none.

        Args:
            scope: only passages that this query matches; adds nothing to the score.
        """
        import tantivy

        words = self._scoring(query)
        if not words:
            return None
        conditions = self.conditions(query)
        if scope is not None:
            conditions.append((tantivy.Occur.Must, scope))
        if not conditions:
            return tantivy.Query.boolean_query(words)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, tantivy.Query.boolean_query(words)), *conditions])

    def conditions(self, query: LexicalQuery) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """What a passage must and must not hold, as clauses that add nothing to the score."""
        import tantivy

        clauses = []
        for occur, texts in ((tantivy.Occur.Must, query.phrases), (tantivy.Occur.MustNot, query.excluded)):
            for text in texts:
                words = self._tokenizer.words(text)
                if words:
                    clauses.append((occur, self.silent(self._phrase(words))))
        return clauses

    def weighed(self, query: LexicalQuery) -> list[WeighedWord]:
        """The query's words with what each weighs by its rarity; a word that the index does not hold is the rarest."""
        import tantivy

        total = self._searcher.num_docs
        words = self._tokenizer.query_words("\n".join((query.text, *query.phrases)), self._languages(query))
        found = []
        for word in words:
            fields = [field for field, _ in self._fields(word)]
            counts = [sum(self._searcher.doc_freq(field, term) for term in word.terms) for field in fields]
            forms = [
                self.term(field, term)
                for field, count in zip(fields, counts, strict=True)
                if count
                for term in word.terms
                if self._searcher.doc_freq(field, term)
            ]
            weight = _idf(min(max(counts), total), total) * word.count
            matching = tantivy.Query.disjunction_max_query(forms) if forms else None
            found.append(WeighedWord(word.terms[0], weight, matching))
        return found

    def any_of(self, field: str, values: Iterable[str]) -> tantivy.Query:
        """Passages whose field is one of the values, without a score."""
        import tantivy

        return self.silent(tantivy.Query.term_set_query(self._schema, field, list(values)))

    def term(self, field: str, value: str) -> tantivy.Query:
        """Passages that hold the term."""
        import tantivy

        option = {"words": "position", "body": "freq", "title": "freq"}.get(field, "basic")
        return tantivy.Query.term_query(self._schema, field, value, option)

    @staticmethod
    def silent(query: tantivy.Query) -> tantivy.Query:
        """The same matches with score 0."""
        import tantivy

        return tantivy.Query.const_score_query(query, 0.0)

    @staticmethod
    def both(first: tantivy.Query, second: tantivy.Query) -> tantivy.Query:
        """What matches both."""
        import tantivy

        return tantivy.Query.boolean_query([(tantivy.Occur.Must, first), (tantivy.Occur.Must, second)])

    def weights(self, query: LexicalQuery) -> dict[str, float]:
        """The words that score, each by its most frequent form -> inverse document frequency of all forms; 0: nowhere held."""
        total, found = self._searcher.num_docs, {}
        for word in self._tokenizer.query_words("\n".join((query.text, *query.phrases)), self._languages(query)):
            field = self._fields(word)[0][0]
            held = {term: self._searcher.doc_freq(field, term) for term in word.terms}
            count = min(sum(held.values()), total)
            found[max(held, key=lambda term: held[term])] = _idf(count, total) if count else 0.0
        return found

    def _phrase(self, words: Sequence[str]) -> tantivy.Query:
        import tantivy

        if len(words) == 1:  # tantivy's phrase query panics on a single word
            return self.term("words", words[0])
        return tantivy.Query.phrase_query(self._schema, "words", list(words))

    def _scoring(self, query: LexicalQuery) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """One clause a word and field. A flat list of term queries lets tantivy skip blocks that cannot win."""
        import tantivy

        languages = self._languages(query)
        words = self._tokenizer.query_words("\n".join((query.text, *query.phrases)), languages)
        clauses = []
        for word in words:
            for field, weight in self._fields(word):
                found = self._forms(field, word.terms)
                if not found:
                    continue
                clause = found[0] if len(found) == 1 else tantivy.Query.disjunction_max_query(found)
                if weight * word.count != 1.0:
                    clause = tantivy.Query.boost_query(clause, weight * word.count)
                clauses.append((tantivy.Occur.Should, clause))
        return clauses

    def _forms(self, field: str, terms: Sequence[str]) -> list[tantivy.Query]:
        """A word's forms that the index holds, each as rare as all of them together.

        A form that only a few passages hold (those in another language, or in none) does not make the word a rare one.
        """
        import tantivy

        if len(terms) == 1:
            return [self.term(field, terms[0])]
        held = {term: count for term in terms if (count := self._searcher.doc_freq(field, term))}
        total = self._searcher.num_docs
        together = _idf(min(sum(held.values()), total), total)
        return [
            tantivy.Query.boost_query(self.term(field, term), together / _idf(count, total))
            for term, count in held.items()
        ]

    def _languages(self, query: LexicalQuery) -> tuple[str, ...]:
        """Languages whose stems are looked up: those asked for; words as they stand where the index holds such."""
        if not query.languages:
            return tuple(language for language, _ in self._searcher.terms_with_prefix("language", ""))
        if self._searcher.doc_freq("language", NO_LANGUAGE):
            return (*query.languages, NO_LANGUAGE)
        return query.languages

    @staticmethod
    def _fields(word: QueryWord) -> tuple[tuple[str, float], ...]:
        return (("words", 1.0),) if word.character else (("body", 1.0), ("title", TITLE_WEIGHT))


def _idf(count: int, total: int) -> float:
    """Inverse document frequency as tantivy's BM25 has it; above 0 for `count` up to `total`."""
    return math.log1p((total - count + 0.5) / (count + 0.5))
