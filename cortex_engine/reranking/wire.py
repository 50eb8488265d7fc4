"""The shapes in which rerank services speak, and what is demanded of their answers.

Sources, compared in November 2026: Cohere's API reference and best practices (`/v1/rerank`, `/v2/rerank`: `model` is demanded),
vLLM's `RerankRequest` (`/rerank`, `/v1/rerank`, `/v2/rerank`; `model` may be left out, other fields are passed over), and the
router of Hugging Face's text-embeddings-inference (`/rerank`). What each does with a pair that is too long differs: Cohere and
TEI (asked to) cut it, vLLM refuses the whole call with 400 and says how many tokens it takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from cortex_engine.core.errors import ConfigError


class Dialect(StrEnum):
    """How a service is spoken to."""

    COHERE = "cohere"
    """{"model", "query", "documents", "top_n"} -> {"results": [{"index", "relevance_score"}]}; vLLM and Jina too."""
    TEI = "tei"
    """{"query", "texts"} -> [{"index", "score"}]."""


LARGEST_CALL = {Dialect.COHERE: 1000, Dialect.TEI: 32}
"""Documents of one call: what Cohere recommends at most (v1 refuses more than 10,000 chunks, at 10 a document), and what TEI
takes unless it was started with another `--max-client-batch-size` (it answers 413 to more, also to more than 2 MB)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service listens.

    Attributes:
        url: whole address of its rerank call.
        dialects: to be tried in this order; one when the address tells.
    """

    url: str
    dialects: tuple[Dialect, ...]


class WireError(Exception):
    """An answer that cannot be used; the text stands after "answered with"."""


def endpoint_of(address: str) -> Endpoint:
    """The rerank call behind an address.

    An address that ends in /v1/rerank or /v2/rerank speaks Cohere's dialect. One that ends in /rerank may be vLLM's or
    TEI's: Cohere's is tried first, then TEI's. One without a path gets "/rerank", one that ends in /v1 or /v2 likewise.

    Raises:
        ConfigError: it is no http or https address, or holds a name or password.

    >>> endpoint_of("http://localhost:8000/v1").url
    'http://localhost:8000/v1/rerank'
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            f"The setting 'reranker_url' is '{address}', which is no address of a service. Write it whole, for example "
            "http://localhost:8000/v1/rerank."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "The setting 'reranker_url' holds a name or a password. Take it out and set the environment variable "
            "CORTEX_RERANKER_API_KEY instead."
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/rerank"):
        path += "/rerank"
    known = path.endswith(("/v1/rerank", "/v2/rerank"))
    url = parts._replace(path=path, fragment="").geturl()
    return Endpoint(url, (Dialect.COHERE,) if known else (Dialect.COHERE, Dialect.TEI))


def question(dialect: Dialect, model: str, query: str, documents: Sequence[str]) -> dict[str, object]:
    """The JSON body of a call that wants a score for every document."""
    if dialect is Dialect.TEI:
        return {"query": query, "texts": list(documents), "raw_scores": False, "truncate": True}
    body: dict[str, object] = {"query": query, "documents": list(documents), "top_n": len(documents)}
    return {"model": model, **body} if model else body


def scores_of(dialect: Dialect, answer: object, count: int) -> list[float]:
    """The score of each of `count` documents, in their order.

    Raises:
        WireError: the answer is of another shape, or lacks, repeats or invents a document, or holds a score that is no
            finite number.
    """
    rows = answer if dialect is Dialect.TEI else answer.get("results") if isinstance(answer, Mapping) else None
    key = "score" if dialect is Dialect.TEI else "relevance_score"
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise WireError("something that is no list of results")
    scores: dict[int, float] = {}
    for row in rows:
        place, score = row.get("index"), row.get(key)
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < count:
            raise WireError(f"a result for document {place!r}, where only 0 to {count - 1} were asked for")
        if place in scores:
            raise WireError(f"two results for document {place}")
        scores[place] = _number(score, place)
    missing = [place for place in range(count) if place not in scores]
    if missing:
        raise WireError(f"no score for {len(missing)} of {count} documents (the first one is {missing[0]})")
    return [scores[place] for place in range(count)]


def _number(score: object, place: int) -> float:
    try:
        number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else math.nan
    except OverflowError:  # JSON's whole numbers know no limit
        number = math.inf
    if not math.isfinite(number):
        raise WireError(f"the score {str(score)[:40]!r} for document {place}, which is no finite number")
    return number
