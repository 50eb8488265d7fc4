"""How often answers without a language model hold the right words, and what the check of sentences lets pass.

    python scripts/benchmark_answers.py [--data FOLDER] [--sets NAME…]

Writes docs/benchmarks/answers.md (only where all sets were asked).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from reporting import DATA, PAGES, Page

from cortex_engine.answering import passages
from cortex_engine.chunking import sentences as cutting
from cortex_engine.config import load_config
from cortex_engine.core.answers import Answer, CitedSource, Proof, Question
from cortex_engine.core.protocols import Embedder
from cortex_engine.evaluation.datasets import read_dataset
from cortex_engine.generation import supporting
from cortex_engine.generation.extractive import unit
from cortex_engine.generation.marks import Statement
from cortex_engine.generation.proving import Prover, evidence
from cortex_engine.library import Library
from cortex_engine.measuring import _take_corpus

SETS = ("xquad-en", "xquad-de")
OFF_TOPIC = (
    "How do I bake a sourdough bread?", "What is the capital of Mongolia?", "Who wrote Hamlet?", "How do I reset my phone?",
    "Which vaccine helps against measles?", "What does a unicorn eat?", "How is cheddar cheese made?",
    "When was the telephone invented?", "Who painted the Mona Lisa?", "How many strings does a violin have?",
    "What is the boiling point of mercury?", "How do bees make honey?", "Which gear is best for cycling uphill?",
    "How do I file a tax return in Portugal?", "What is the rule for offside?", "Who discovered penicillin?",
    "How tall is Mount Kilimanjaro?", "How do I knit a sock?", "What causes hiccups?", "How long do cats live?",
)  # fmt: skip
LEAST = 0.95


@dataclass
class Tally:
    """Counts of one set."""

    questions: int = 0
    right: dict[str, int] = field(default_factory=dict)
    characters: dict[str, int] = field(default_factory=dict)
    sentences: int = 0
    abstained: int = 0

    def see(self, name: str, text: str, golds: Sequence[str]) -> None:
        """Count an answer."""
        plain = _plain(text)
        self.right[name] = self.right.get(name, 0) + any(_plain(gold) in plain for gold in golds)
        self.characters[name] = self.characters.get(name, 0) + len(text)


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


class Remembered:
    """An embedder that embeds no sentence twice: questions share passages. The vectors are the same."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, np.ndarray] = {}
        self.spec = embedder.spec

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        """See `Embedder`."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known |= dict(zip(new, self._embedder.embed_documents(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        """See `Embedder`."""
        return self._embedder.embed_query(text)


def quotes(library: Library, question: str) -> tuple[Answer, passages.Found]:
    """The line without a model: search, choose, quote."""
    asked = Question(question)
    found = passages.search(library, asked, question)
    made = Answer("", "", question, question, (), found.sources, abstained=found.result.abstained)
    return (passages.quoted(library, made, found, []) if found.sources else made), found


def ask(library: Library, folder: Path) -> Tally:
    """All questions of a set, with the peers beside."""
    tally = Tally()
    for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        golds = row["metadata"]["answers"]
        answer, found = quotes(library, row["text"])
        tally.questions += 1
        tally.abstained += answer.abstained
        tally.sentences += len(answer.sentences)
        tally.see("quoted sentences", " ".join(each.text for each in answer.sentences), golds)
        tally.see("first passage whole", found.sources[0].text if found.sources else "", golds)
        tally.see("best sentence by cosine", _nearest(library, row["text"], found), golds)
    return tally


def _nearest(library: Library, question: str, found: passages.Found) -> str:
    pieces = passages.sentences_of(found.sources)
    if not pieces:
        return ""
    embedder = passages.embedder_of(library, found.sources)
    vectors = unit(embedder.embed_documents([each.text for each in pieces]))
    return pieces[int((vectors @ unit(embedder.embed_query(question)[None, :])[0]).argmax())].text


def verified(embedder: Embedder, bound: float, folder: Path) -> list[tuple[str, str, str]]:
    """What the check lets pass of statements "QUESTION ANSWER", right ones and two kinds of wrong ones."""
    data = read_dataset(folder)
    texts = {name: text for name, _, text in data.corpus()}
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    counts: dict[str, list[int]] = {}
    names = sorted(texts)
    for place, row in enumerate(rows):
        home = next(iter(data.judgements[row["_id"]]))
        other = rows[(place + 37) % len(rows)]["metadata"]["answers"][0]
        far = names[(names.index(home) + 40) % len(names)]
        answer = row["metadata"]["answers"][0]
        statement = f"{row['text'].rstrip(' ?')}: {answer}."
        swapped = f"{row['text'].rstrip(' ?')}: {other}."
        for kind, text, passage in (
            ("right statement, its passage", statement, home),
            ("answer of another question put in", swapped, home),
            ("right statement, a passage of another article", statement, far),
        ):
            passed = _passes(embedder, bound, text, texts[passage])
            counts.setdefault(kind, []).append(passed)
    return [(kind, f"{np.mean(each):.3f}", str(len(each))) for kind, each in counts.items()]


def _passes(embedder: Embedder, bound: float, text: str, passage: str) -> bool:
    source = CitedSource(1, "d", "d", 1, "c", passage)
    prover = Prover(evidence([source], [""], passages.sentences_of([source])), embedder, bound, "en", cutting.clauses)
    return prover.check("", [Statement(text, (1,))]).sentences[0].proof is not Proof.UNVERIFIED


def library_of(folder: Path, place: Path) -> Library:
    """A set in a library of its own."""
    config = load_config().config.model_copy(update={"data_dir": place, "min_free_bytes": 0, "graph_enabled": False})
    library = Library(config, "benchmark")
    library.own()
    data = read_dataset(folder)
    _take_corpus(library, library.collection(data.name), data.corpus(), lambda text: print(text, file=sys.stderr))
    library.settle()
    return library


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    options = parser.parse_args()
    page = Page("Answers", "python scripts/benchmark_answers.py")
    rows: list[tuple[object, ...]] = []
    goals: list[tuple[str, bool, str]] = []
    off = 0
    checked: list[tuple[str, str, str]] = []
    for name in options.sets:
        folder = options.data / "retrieval" / name
        with tempfile.TemporaryDirectory(prefix="cortex-answers-") as place:
            library = library_of(folder, Path(place))
            remembered = Remembered(library.embedder(library.default_spec()))
            passages.embedder_of = lambda *_, kept=remembered: kept
            try:
                tally = ask(library, folder)
                if name == "xquad-en":
                    off = sum(quotes(library, question)[0].abstained for question in OFF_TOPIC)
                    support = supporting.measure(remembered)
                    checked = verified(remembered, support.bound, folder)
            finally:
                library.close()
        for how, right in tally.right.items():
            count = f"{tally.sentences / tally.questions:.1f}" if how == "quoted sentences" else ""
            share = f"{right / tally.questions:.3f}"
            rows.append((name, how, share, f"{tally.characters[how] / tally.questions:.0f}", count))
        share = tally.right["quoted sentences"] / tally.questions
        if name == "xquad-en":
            goals.append((f"{name}: the answer stands in the quotes at least {LEAST}", share >= LEAST, f"{share:.3f}"))
        page.add(f"{name}: {tally.questions} questions, {tally.abstained} not answered.", "")
    page.goals(goals)
    page.add(
        "Share of questions whose gold answer stands word for word in what is shown (white space and case aside); characters",
        "and sentences shown on the mean. Eight passages are read; the model is the packaged MiniLM, which knows English only.",
        "",
    )
    page.table(["set", "shown", "holds the answer", "characters", "sentences"], rows)
    if checked:
        page.add(
            f"Of {len(OFF_TOPIC)} questions that the articles do not answer, {off} are turned down by the answer line itself",
            "(the library was not calibrated; a calibrated search abstains by itself, see docs/benchmarks/calibration.md).",
            "",
            "## The check of sentences",
            "",
            f"The bound of the packaged model is a cosine of {support.bound:.3f}: of {len(support.right)} right pairs 95 % lie",
            f"above it (their median {np.median(support.right):.2f}), of {len(support.unrelated)} unrelated ones none above",
            f'{support.unrelated[-1]:.2f}. Statements of XQuAD ("QUESTION: ANSWER."), held to a passage:',
            "",
        )
        page.table(["statement", "share verified", "statements"], checked)
    if set(options.sets) == set(SETS):
        page.write(PAGES / "answers.md")


if __name__ == "__main__":
    main()
