"""Does a Qwen3-VL reranker do its work here? Loading, pipeline and relevance, with a plain verdict.

    python scripts/test_reranker_integration.py [--model FOLDER_OR_NAME] [--json]

Without `--model` the settings choose. Ends with status 0 when everything passed, 1 when something failed. Nothing of the
library is touched: the pipeline runs in a temporary one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cortex_engine.backends import build_reranker
from cortex_engine.config import CortexConfig, LoadedConfig, load_config
from cortex_engine.core.errors import CortexError
from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Reranker
from cortex_engine.core.reranking import Candidate
from cortex_engine.reranking.probe import drawn
from cortex_engine.suite import CortexSuite, query_of

COLOURS = {"red": "#d83030", "green": "#30b040", "blue": "#3050d0", "yellow": "#e0cc30"}
SHAPES = ("circle", "square", "triangle", "cross")
ENOUGH = 0.75
"""Share of queries whose picture must come first; guessing among 16 gets 0.06."""
TEXTS = {
    "honey": ("How is honey made?", "Bees gather nectar and dry it in the hive until it has become honey."),
    "loan": (
        "When must the loan be paid back?",
        "The loan is due on the last day of May and is to be repaid in one sum.",
    ),
    "bridge": ("How long is the bridge over the strait?", "The bridge across the strait measures 1,991 metres."),
    "fever": ("What helps against fever?", "Rest, plenty of water and paracetamol bring a high temperature down."),
    "vote": (
        "Who won the election of the council?",
        "In the council election most votes went to the list of Anna Berg.",
    ),
    "glacier": (
        "Why do glaciers shrink?",
        "Warmer summers melt more ice than the winters' snow gives back to glaciers.",
    ),
}


@dataclass
class Part:
    """What one part of the examination found."""

    name: str
    passed: bool = False
    sentence: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


def loading(reranker: Reranker) -> Part:
    """It loads, and its probe is satisfied."""
    begun = time.perf_counter()
    reranker.load()
    facts = {word: getattr(reranker, word, "") for word in ("device", "precision", "attention", "attention_remark")}
    seconds = round(time.perf_counter() - begun, 1)
    return Part("loading", True, f"{reranker.name} is loaded and healthy", {"seconds": seconds, **facts})


def pipeline(config: CortexConfig) -> Part:
    """A search in a small library is ordered by it, and says so."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, (_, text) in TEXTS.items():
            (place / f"{name}.txt").write_text(text, encoding="utf-8")
        settings = config.model_copy(update={"data_dir": place / "library", "embedding_backend": "hashing"})
        with CortexSuite.open(loaded=LoadedConfig(settings, place / "none.json", {})) as suite:
            suite.ingest(sorted(place.glob("*.txt")), "Examination")
            query = query_of("how is honey made from the nectar that bees gather", top_k=len(TEXTS))
            result = suite.search(replace(query, rerank=True, rerank_candidates=20, rerank_top_k=20))
    judged = [hit for hit in result.hits if "rerank" in hit.stages]
    raw = [hit.stages["rerank"].score for hit in judged]
    figures = {
        "hits": len(result.hits),
        "judged": len(judged),
        "distinct": len(set(raw)),
        "warnings": list(result.warnings),
    }
    if "rerank" in result.degraded or not judged:
        return Part("pipeline", False, "the search went on without the reranker", figures)
    if raw != sorted(raw, reverse=True) or any(hit.relevance is None for hit in judged):
        return Part("pipeline", False, "the results are not in the order of the reranker's scores", figures)
    if len(set(raw)) < len(raw):
        return Part("pipeline", False, "different results got the same score", figures)
    return Part("pipeline", True, f"{len(judged)} results of a search were judged and ordered", figures)


def relevance(reranker: Reranker) -> Part:
    """Each of 16 descriptions finds its picture among all of them."""
    pictures = {
        f"a {colour} {shape}": drawn(value, shape, reach=18, middle=(30, 34))
        for colour, value in COLOURS.items()
        for shape in SHAPES
    }
    first, spread = _first(
        reranker, {query: query for query in pictures}, lambda query: ModelInput(images=(pictures[query],))
    )
    words, _ = _first(reranker, dict(TEXTS.values()), ModelInput)
    figures = {"pictures_first": first, "texts_first": words, "smallest_spread": round(spread, 4)}
    said = f"the right picture of 16 came first for {first:.0%} of the queries, the right text of {len(TEXTS)} for {words:.0%}"
    return Part("relevance", first >= ENOUGH, said, figures)


def _first(reranker: Reranker, own: dict[str, str], content: Callable[[str], ModelInput]) -> tuple[float, float]:
    """Share of queries whose own document comes first, and the smallest distance of highest and lowest raw score."""
    candidates = [Candidate(query, content(document)) for query, document in own.items()]
    right, spread = 0, float("inf")
    for query in own:
        judged = reranker.rerank(ModelInput(query), candidates)
        right += judged[0].id == query
        spread = min(spread, judged[0].raw - judged[-1].raw)
    return right / len(own), spread


def examine(model: str) -> list[Part]:
    """All parts; what follows a failure is not run."""
    config = load_config().config.model_copy(update={"reranker": "qwen3_vl"})
    if model:
        config = config.model_copy(update={"qwen3_vl_reranker_model": model})
    parts: list[Part] = []
    try:
        reranker = build_reranker(config)
        assert reranker is not None
        for name, part in (
            ("loading", lambda: loading(reranker)),
            ("relevance", lambda: relevance(reranker)),
            ("pipeline", lambda: _after(reranker, config)),
        ):
            try:
                parts.append(part())
            except CortexError as error:
                parts.append(Part(name, False, str(error)))
            if not parts[-1].passed:
                break
    except CortexError as error:
        parts.append(Part("loading", False, str(error)))
    return parts


def _after(reranker: Reranker, config: CortexConfig) -> Part:
    reranker.unload()  # the search loads its own: memory may hold only one
    return pipeline(config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; 0 when all passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="Hub name or folder; the settings' one by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    given = parser.parse_args(arguments)
    parts = examine(given.model)
    passed = len(parts) == 3 and all(part.passed for part in parts)
    if given.json:
        print(json.dumps({"passed": passed, "parts": [asdict(part) for part in parts]}, indent=2))
        return 0 if passed else 1
    for part in parts:
        print(f"{'passed' if part.passed else 'FAILED'}  {part.name}: {part.sentence.rstrip('.')}.")
        for name, value in part.figures.items():
            if value not in ("", []):
                print(f"        {name.replace('_', ' ')}: {value}")
    print("The reranker does its work." if passed else "The reranker cannot be relied on.")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
