"""The sixteen probes of the canary contract. They are frozen: every library keeps vectors of exactly these.

Eight queries and eight things that they should find, one each. Models that see find pictures of coloured shapes, in four
languages; others find sentences that say the same with few words in common, so that a network without training, which
sees which words occur, does not find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from cortex_engine.core.pictures import ModelInput
from cortex_engine.core.protocols import Embedder, MultimodalEmbedder, Vectors
from cortex_engine.maintenance.verdicts import HALF

VERSION = 1
"""Raised when a probe changes: vectors of other versions are not compared, but made anew."""

PAIRS = (
    ("How can I lower my energy bill?", "Ways to spend less on electricity and heating."),
    ("What did the doctor prescribe for the cough?", "The physician gave her medicine against her chest infection."),
    ("When does the ferry leave?", "Ships to the island depart at noon and at six."),
    ("invoice payment deadline", "Bills have to be settled within thirty days."),
    ("Who won the football match?", "The home team beat its rivals by three goals."),
    ("baking bread at home", "Knead the dough, let it rise, then put the loaf into the oven."),
    ("Die Katze schläft auf dem Sofa.", "The cat is asleep on the couch."),
    ("Où se trouve la gare ?", "Where is the railway station?"),
)
CAPTIONS = (
    "a red circle",
    "a blue square",
    "a green triangle",
    "a yellow cross",
    "picture of a red square",
    "ein gelber Kreis",
    "un triangle bleu",
    "绿色的十字",
)
PICTURES = (
    "red_circle",
    "blue_square",
    "green_triangle",
    "yellow_cross",
    "yellow_circle",
    "red_square",
    "blue_triangle",
    "green_cross",
)
_SHOWN = (0, 1, 2, 3, 5, 4, 6, 7)
"""For each caption its picture."""


@dataclass(frozen=True, slots=True)
class ProbeVectors:
    """The probes as a model sees them now.

    Attributes:
        vectors: float32 `(16, dimension)`: queries, then what they should find.
        found: for each query, which of the eight others it should find.
    """

    vectors: Vectors
    found: tuple[int, ...]


def probe(embedder: Embedder) -> ProbeVectors:
    """Embed the probes, each the way in which a search or an ingestion does.

    Raises:
        ModelUnavailableError: cause and remedy.
    """
    spec = embedder.spec
    if spec.sees and isinstance(embedder, MultimodalEmbedder):
        queries = [embedder.embed_query(text) for text in CAPTIONS]
        folder = files("cortex_engine") / "samples" / "probes"
        pictures = [ModelInput(images=((folder / f"{name}.png").read_bytes(),)) for name in PICTURES]
        return ProbeVectors(_together(np.stack(queries), embedder.embed_inputs(pictures)), _SHOWN)
    queries = [embedder.embed_query(first) for first, _ in PAIRS]
    passages = [second for _, second in PAIRS]
    # Where queries and passages are the same to a model, its passages may still take a machinery that is slow to start.
    if spec.query_instruction == spec.document_instruction:
        answers = np.stack([embedder.embed_query(text) for text in passages])
    else:
        answers = embedder.embed_documents(passages)
    return ProbeVectors(_together(np.stack(queries), answers), tuple(range(HALF)))


def _together(queries: Vectors, answers: Vectors) -> Vectors:
    """Both halves; where one of them is cut, both are, for the verdict to say so."""
    width = min(queries.shape[1], answers.shape[1])
    return np.concatenate([queries[:, :width], answers[:, :width]])
