"""Precision and recall of names against gold sets: writes docs/benchmarks/entities.md.

python scripts/benchmark_entities.py
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reporting import DATA, PAGES, Page

from cortex_engine.core.graph import NOT_NODES, EntityKind, GraphPassage, WaitingGraph
from cortex_engine.graph.extraction import RuleExtractor

COMMAND = "python scripts/benchmark_entities.py"
SETS = {"wikigold": "wikigold.conll", "FIN3": "sec-filings-FIN3.conll"}
ROLES = frozenset(["borrower", "borrowers", "lender", "lenders", "bank", "banks", "servicer"])
"""Roles of a contract: FIN3 marks the first three as names of persons and organisations."""
ROUNDS = 15
CHARACTERS = 55_000
Spans = set[tuple[int, int]]


@dataclass(frozen=True)
class Gold:
    """A document as text, with the places of its names."""

    text: str
    names: dict[tuple[int, int], str]


def read(path: Path) -> list[list[list[tuple[str, str]]]]:
    """Documents of sentences of (word, label)."""
    documents: list[list[list[tuple[str, str]]]] = []
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        rows = [line.split() for line in block.splitlines() if line.strip()]
        if rows and rows[0][0] == "-DOCSTART-":
            documents.append([])
        elif rows:
            if not documents:
                documents.append([])
            documents[-1].append([(row[0], row[-1]) for row in rows])
    return [document for document in documents if document]


def written(document: Sequence[Sequence[tuple[str, str]]], break_lines: bool) -> Gold:
    """A document as a person would write it: no spaces before marks; a sentence a line, or one paragraph."""
    text, names = "", {}
    for sentence in document:
        label_before, start, quotes, glues = "O", 0, 0, False
        for number, (word, label) in enumerate([*sentence, ("", "O")]):
            if label_before not in {label, "O"}:
                names[(start, len(text))] = label_before[2:]
            opens = word in {"``", '"'} and quotes % 2 == 0
            quotes += word in {"``", "''", '"'}
            closes = word in {"''", '"'} and not opens
            if (
                number
                and text
                and word
                and not (closes or re.fullmatch(r"[.,;:!?)\]%…]+|'s|n't|'(?:re|ve|ll|d|m)", word))
                and not glues
            ):
                text += " "
            glues = word in {"(", "[", "$"} or opens
            if label not in {label_before, "O"}:
                start = len(text)
            text += {"``": '"', "''": '"'}.get(word, word)
            label_before = label
        text += "\n" if break_lines else " "
    return Gold(text, names)


def by_rules(gold: Gold) -> Spans:
    """Places of names by the product's extractor."""
    graph = RuleExtractor().extract(WaitingGraph("d", "d", "en", [GraphPassage("c", gold.text, 0)]))
    kinds = {entity.name: entity.kind for entity in graph.entities}
    return {
        (mention.char_start, mention.char_end)
        for mention in graph.mentions
        if kinds[mention.name] not in {*NOT_NODES, EntityKind.EMAIL}
    }


def by_capitals(gold: Gold) -> Spans:
    """The peer: every run of capitalised words."""
    return {match.span() for match in re.finditer(r"\b[A-Z][\w'’-]*(?: (?:of |the |de )?[A-Z][\w'’-]*)*", gold.text)}


def trimmed(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Without what conventions differ about: full stops at the end, quotation marks, "the" before."""
    start, end = span
    while end > start + 1 and text[end - 1] in ".,\"' ":
        end -= 1
    while start < end - 1 and text[start] in "\"' ":
        start += 1
    return start, end


@dataclass
class Score:
    """Counts over documents."""

    right: int = 0
    touched_gold: int = 0
    touched_found: int = 0
    found: int = 0
    gold: int = 0

    def add(self, text: str, gold: Spans, found: Spans) -> None:
        """Count a document."""
        gold = {trimmed(text, span) for span in gold}
        found = {trimmed(text, span) for span in found}
        self.right += len(gold & found)
        self.gold += len(gold)
        self.found += len(found)
        self.touched_gold += sum(any(a < d and c < b for c, d in found) for a, b in gold)
        self.touched_found += sum(any(a < d and c < b for c, d in gold) for a, b in found)

    def row(self) -> list[str]:
        """Precision, recall, F1: exact, then by overlap."""
        exact = self.right / max(1, self.found), self.right / max(1, self.gold)
        loose = self.touched_found / max(1, self.found), self.touched_gold / max(1, self.gold)
        return [f"{value:.3f}" for p, r in (exact, loose) for value in (p, r, 2 * p * r / max(1e-9, p + r))]


def halves(name: str) -> tuple[list[Gold], list[Gold]]:
    """Documents for tuning, and those held out: every second document, or (three contracts) the first and second half of each."""
    documents = read(DATA / "ner" / SETS[name])
    if name == "wikigold":
        return [written(each, False) for each in documents[::2]], [written(each, False) for each in documents[1::2]]
    cut = [(each[: len(each) // 2], each[len(each) // 2 :]) for each in documents]
    return [written(first, True) for first, _ in cut], [written(second, True) for _, second in cut]


def trained(documents: Sequence[Gold]) -> Callable[[Gold], Spans]:
    """The peer that learns: spaCy's own recogniser, trained on the names of these documents."""
    import spacy
    from spacy.training import Example
    from spacy.util import minibatch

    spacy.util.fix_random_seed(0)
    pipeline = spacy.blank("en")
    recogniser = pipeline.add_pipe("ner")
    recogniser.add_label("NAME")
    examples = []
    for gold in documents:
        read_ = pipeline.make_doc(gold.text)
        spans = [read_.char_span(a, b, "NAME", alignment_mode="expand") for a, b in gold.names]
        examples.append(
            Example.from_dict(read_, {"entities": spacy.util.filter_spans([each for each in spans if each])})
        )
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(ROUNDS):
        for batch in minibatch(examples, 4):
            pipeline.update(batch, sgd=optimizer, drop=0.2)
    return lambda gold: {(each.start_char, each.end_char) for each in pipeline(gold.text).ents}


def without_roles(gold: Gold, spans: Spans) -> Spans:
    """Spans that are not just the role of a party ("the Borrower")."""
    return {span for span in spans if gold.text[span[0] : span[1]].lower().removeprefix("the ") not in ROLES}


def score(documents: Sequence[Gold], method: Callable[[Gold], Spans], roles: bool) -> Score:
    """Counts of one method over documents."""
    total = Score()
    for gold in documents:
        names, found = set(gold.names), method(gold)
        total.add(gold.text, *((names, found) if roles else (without_roles(gold, names), without_roles(gold, found))))
    return total


def by_label(documents: Sequence[Gold]) -> list[list[object]]:
    """Share of gold names that rules find, by label."""
    exact: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for gold in documents:
        found = {trimmed(gold.text, span) for span in by_rules(gold)}
        for span, label in gold.names.items():
            start, end = trimmed(gold.text, span)
            count[label] += 1
            exact[label] += (start, end) in found
            touched[label] += any(start < b and a < end for a, b in found)
    return [[label, n, f"{exact[label] / n:.3f}", f"{touched[label] / n:.3f}"] for label, n in sorted(count.items())]


def seconds(documents: Sequence[Gold]) -> tuple[float, int]:
    """CPU-seconds of the rules over documents (spaCy is loaded before), and their characters."""
    by_rules(documents[0])
    start = time.process_time()
    for gold in documents:
        by_rules(gold)
    return time.process_time() - start, sum(len(gold.text) for gold in documents)


HEADER = ["method", "precision", "recall", "F1", "precision (overlap)", "recall (overlap)", "F1 (overlap)"]
METHOD = """\
How names are found is told in [its explanation](../explanation/entities.md). The gold sets are wikigold (145 Wikipedia articles,
CC-BY-4.0) and FIN3 (three loan contracts, CC-BY-3.0); their tokens are put together again as a person would write them.
The rules were tuned on one half: every second article, and the first half of each contract. **All figures are of the other
half**, whose texts and results were not looked at while the rules were written (a list of the most frequent
names of the whole sets was).

Only names count: dates, amounts and e-mail addresses, which the gold sets do not mark, are left out of what was found. Kinds
are not compared. Exact: the same characters, but for full stops and quotation marks at the ends. Overlap: at least one
character in common, precision over what was found, recall over what is marked.

Peers in the same run: every run of capitalised words (a regular expression), and spaCy's own recogniser, trained here on the
names of the tuning half for {rounds} rounds. The second one has learned the conventions of these very annotators, which rules
cannot know; it has seen little text. No ready-made model (`en_core_web_sm`) is on the package index: none
could be measured."""


def main() -> None:
    """Measure and write the page."""
    page = Page("Names in texts: precision and recall", COMMAND)
    page.add(*METHOD.format(rounds=ROUNDS).splitlines(), "")
    split = {name: halves(name) for name in SETS}
    learned = trained([gold for tuned, _ in split.values() for gold in tuned])
    methods = {
        "rules (the default)": by_rules,
        "every run of capitals": by_capitals,
        "spaCy, trained on the other half": learned,
    }
    for name, (tuned, held) in split.items():
        for roles in (True, False) if name == "FIN3" else (True,):
            page.add(f"## {name}{'' if roles else ', without the roles of the parties'}", "")
            count = sum(len(gold.names) if roles else len(without_roles(gold, set(gold.names))) for gold in held)
            page.add(
                f"{len(held)} documents, {sum(len(gold.text) for gold in held):,} characters, {count} marked names.", ""
            )
            if name == "FIN3" and roles:
                page.add(
                    'Two thirds of the marked names are "Borrower", "Lender" and "Bank"; "Servicer", the like, is not marked.',
                    "",
                )
            page.table(HEADER, [[label, *score(held, method, roles).row()] for label, method in methods.items()])
            page.add(
                f"For comparison, rules on the half they were tuned on: {', '.join(score(tuned, by_rules, roles).row())}.",
                "",
            )
    page.add("## What rules find, by label (wikigold, held out)", "")
    page.table(["label", "marked", "found exactly", "found by overlap"], by_label(split["wikigold"][1]))
    taken, characters = seconds(split["wikigold"][1])
    page.add(
        "## Cost",
        "",
        f"Rules take {taken / characters * CHARACTERS:.2f} CPU-seconds for {CHARACTERS:,} characters, once spaCy is loaded.",
    )
    page.write(PAGES / "entities.md")


if __name__ == "__main__":
    main()
