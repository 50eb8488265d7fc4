"""Multi-hop questions from single-hop ones: two paragraphs that name one thing, and a question that needs both.

    python scripts/make_multihop.py FOLDER [--data FOLDER]

Writes a data set in BEIR layout, made of the English XQuAD paragraphs and questions (CC BY-SA 4.0) and the articles of WikiGold
(CC BY 4.0): `corpus.jsonl`, `queries.jsonl`, and `qrels/tune.tsv` and `qrels/test.tsv`, which hold the questions of every other
article. Equal data gives equal files. The method is written down in docs/explanation/graphrag.md.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting import DATA

from cortex_engine.core.names import fold

MOST_PARAGRAPHS = 6
"""A name that stands in more of them tells nothing: whoever looks for it finds an article, not a paragraph."""

MOST_OF_ONE = 2
"""Questions made of one second hop."""

_SHORTEST, _LONGEST = 8, 40
"""Words of a sentence that describes something."""

_SPAN = re.compile(r"\b[A-Z][\w’-]*(?:(?:\s+(?:of|de|von|the))?\s+[A-Z0-9][\w’-]*)*")
_FIRST = frozenset(
    (
        *(
            "what",
            "who",
            "whom",
            "whose",
            "which",
            "when",
            "where",
            "how",
            "why",
            "in",
            "on",
            "at",
            "of",
            "by",
            "for",
            "from",
        ),
        *(
            "to",
            "with",
            "prior",
            "after",
            "before",
            "during",
            "along",
            "the",
            "a",
            "an",
            "if",
            "as",
            "his",
            "her",
            "their",
        ),
        *("he", "she", "it", "this", "that", "these", "they", "there", "is", "are", "was", "were", "did", "do", "does"),
    )
)
"""Words that begin a sentence with a capital."""

_POSSESSIVE = re.compile(r"['’]s?\b")


@dataclass(frozen=True)
class Asked:
    """A single-hop question: its paragraph, its text, its answer."""

    id: str
    paragraph: str
    text: str
    answer: str


@dataclass(frozen=True)
class MultiHop:
    """A question over two documents that both name the bridge. `kind`: "composed" or "follow-up"."""

    id: str
    text: str
    bridge: str
    kind: str
    documents: tuple[str, str]


def plain(text: str) -> str:
    """Folded, without possessives, between spaces, so that `" name " in plain(text)` asks for whole words."""
    return f" {fold(_POSSESSIVE.sub('', text))} "


def names_in(text: str) -> Iterator[tuple[str, str]]:
    """Runs of capitalised words: as they stand, and folded without the words that begin a sentence."""
    for found in _SPAN.finditer(text):
        words = found.group().split()
        while words and fold(words[0]) in _FIRST:
            words = words[1:]
        surface = " ".join(words)
        if name := plain(surface).strip():
            yield surface, name


def bridges(paragraphs: dict[str, str]) -> dict[str, frozenset[str]]:
    """Names that stand in two to six paragraphs, and never in lower case: -> paragraphs."""
    known = {key: plain(text) for key, text in paragraphs.items()}
    raw = " ".join(_POSSESSIVE.sub("", text) for text in paragraphs.values())
    surfaces = {name: surface for text in paragraphs.values() for surface, name in names_in(text)}
    found = {}
    for name, surface in sorted(surfaces.items()):
        where = frozenset(key for key, text in known.items() if f" {name} " in text)
        if (
            2 <= len(where) <= MOST_PARAGRAPHS
            and len(name) > 3
            and not re.search(rf"\b{re.escape(surface.lower())}\b", raw)
        ):
            found[name] = where
    return found


def masked(text: str, name: str, stand_in: str) -> str:
    """The text with every run of capitalised words that holds the name replaced; "" where it stands there otherwise."""
    for surface, folded in names_in(text):
        if f" {name} " in f" {folded} ":
            text = text.replace(surface, stand_in)
    return "" if f" {name} " in plain(text) else re.sub(rf"\b[Tt]he {stand_in}\b", stand_in, text)


def described(first: Asked, name: str) -> str:
    """What the first hop says of the name, without the name."""
    text = first.text.strip().rstrip("?").strip()
    if f" {name} " in plain(first.answer):
        who = re.match(r"(?i)who\s+((?:is|was|are|were|had|has|\w+ed|\w+s)\b.*)", text)
        which = re.match(r"(?i)(?:what|which)\s+(\w+(?: \w+)?)\s+((?:is|was|are|were|had|has|\w+ed)\b.*)", text)
        if who:
            return f"the one who {who.group(1)}"
        if which:
            return f"the {which.group(1)} that {which.group(2)}"
        return f"the answer to {text[0].lower()}{text[1:]}"
    about = masked(text, name, "this one")
    return f"the one of which we know, {about[0].lower()}{about[1:]}: {first.answer}" if about else ""


def compose(first: Asked, second: Asked, name: str) -> str:
    """One question of two; "" where it cannot be made. For MuSiQue (Trivedi et al., TACL 2022) people wrote them."""
    if f" {name} " in plain(first.answer) and f" {name} " in plain(first.text):
        return ""
    about, asked = described(first, name), masked(second.text, name, "this one")
    return typed(f"Take {about}. {asked[0].upper()}{asked[1:]}") if about and asked else ""


def typed(text: str) -> str:
    """Without what the query language would take for operators."""
    return " ".join(text.replace('"', "").replace(" -", " ").split())


def composed(paragraphs: dict[str, str], asked: list[Asked]) -> list[MultiHop]:
    """Questions of two questions, at most two for each second hop, of different first paragraphs."""
    shared, known = bridges(paragraphs), {key: plain(text) for key, text in paragraphs.items()}
    of_name = _by_name(shared, asked)
    found: list[MultiHop] = []
    for second in asked:
        made: list[MultiHop] = []
        # A longer name says more: "Peyton Manning" before "Manning".
        for name in sorted(of_name, key=lambda each: (-len(each), each)):
            if f" {name} " not in plain(second.text) or second.paragraph not in shared[name]:
                continue
            # A first hop whose answer is the bridge comes before one that only speaks of it.
            for first in sorted(of_name[name], key=lambda each: (f" {name} " not in plain(each.answer), each.id)):
                taken = {each.documents[0] for each in made}
                if first.paragraph in {second.paragraph, *taken} or len(made) == MOST_OF_ONE:
                    continue
                if plain(second.answer) in known[first.paragraph] or f" {name} " in plain(second.answer):
                    continue  # the first paragraph alone would do
                if text := compose(first, second, name):
                    key = f"{first.id}-{second.id}"
                    made.append(MultiHop(key, text, name, "composed", (first.paragraph, second.paragraph)))
        found += made
    return found


def _by_name(shared: dict[str, frozenset[str]], asked: list[Asked]) -> dict[str, list[Asked]]:
    """Name -> questions about its paragraphs that hold it in their words or in their answer."""
    found: dict[str, list[Asked]] = defaultdict(list)
    for each in asked:
        both = f"{plain(each.text)}|{plain(each.answer)}"
        for name, where in shared.items():
            if f" {name} " in both and each.paragraph in where:
                found[name].append(each)
    return found


def followed(paragraphs: dict[str, str], asked: list[Asked], articles: dict[str, Article]) -> list[MultiHop]:
    """What else is told of something that one document describes, and of which exactly one other document speaks."""
    known = {key: plain(text) for key, text in paragraphs.items()}
    known |= {key: plain(article.text) for key, article in articles.items()}
    own = {key: {name for _, name in names_in(text)} for key, text in paragraphs.items()}
    names = set().union(*own.values(), *(article.names for article in articles.values()))
    pairs: dict[str, tuple[str, ...]] = {}
    for name in sorted(names):
        where = tuple(key for key, text in known.items() if f" {name} " in text)
        named = all(name in (articles[key].names if key in articles else own[key]) for key in where)
        if named and len(where) == 2 and len(name) > 3 and not name.isdigit():
            pairs[name] = where
    questions = _by_name({name: frozenset(where) for name, where in pairs.items()}, asked)
    found: list[MultiHop] = []
    for name, where in pairs.items():
        for first, second in (where, where[::-1]):
            if first in articles:
                about = articles[first].said(name)
            else:
                said = (described(each, name) for each in questions.get(name, ()) if each.paragraph == first)
                about = next(filter(None, said), "")
            if about:
                text = typed(f"What else is told of {about}?")
                found.append(
                    MultiHop(f"{first}-{second}-{name.replace(' ', '_')}", text, name, "follow-up", (first, second))
                )
    return _spread(found)


def _spread(found: list[MultiHop]) -> list[MultiHop]:
    """At most two of the same two documents, one in each direction."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for each in found:
        if each.documents not in seen:
            seen.add(each.documents)
            kept.append(each)
    return kept


@dataclass(frozen=True)
class Article:
    """An article of WikiGold (Balasuriya et al. 2009): sentences, and the names that people marked in it, folded."""

    sentences: tuple[str, ...]
    names: frozenset[str]

    @property
    def text(self) -> str:
        """All sentences."""
        return " ".join(self.sentences)

    def said(self, name: str) -> str:
        """The first sentence that says something of the name, without it; "" for none."""
        for sentence in self.sentences:
            fits = f" {name} " in plain(sentence) and _SHORTEST <= len(sentence.split()) <= _LONGEST
            if fits and (about := masked(sentence, name, "this one")):
                return f"the one of which is written: {about.rstrip('. ')}"
        return ""


def wikigold(path: Path) -> dict[str, Article]:
    """The articles by number; tokens put together as people write them."""
    articles = {}
    for number, part in enumerate(path.read_text(encoding="utf-8").split("-DOCSTART-")[1:]):
        sentences: list[str] = []
        names: set[str] = set()
        for block in part.split("\n\n"):
            rows = [line.split() for line in block.splitlines() if len(line.split()) == 2 and line.split()[0] != "-X-"]
            if rows:
                sentences.append(_written([row[0] for row in rows]))
            run: list[str] = []
            for token, label in [*rows, ("", "O")]:
                if label == "O" and run:
                    names.add(plain(_written(run)).strip())
                run = [*run, token] if label != "O" else []
        articles[f"wikigold-{number:03}"] = Article(tuple(sentences), frozenset(names - {""}))
    return articles


def _written(tokens: list[str]) -> str:
    text = re.sub(r" (?=[.,;:!?)%]|'s\b|n't\b)", "", " ".join(tokens))
    return re.sub(r"(?<=[(]) ", "", text).replace("`` ", "").replace(" ''", "")


def read(folder: Path) -> tuple[dict[str, str], dict[str, str], list[Asked]]:
    """Titles, paragraphs and questions of a data set in BEIR layout that tells answers."""

    def lines(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.strip()]

    corpus = lines("corpus.jsonl")
    rows = (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    where = {row.split("\t")[0]: row.split("\t")[1] for row in rows if row.strip()}
    asked = [
        Asked(row["_id"], where[row["_id"]], row["text"], row["metadata"]["answers"][0])
        for row in lines("queries.jsonl")
        if row["_id"] in where
    ]
    return {row["_id"]: row["title"] for row in corpus}, {row["_id"]: row["text"] for row in corpus}, asked


def make(data: Path, target: Path) -> list[MultiHop]:
    """Write the data set. Questions go to one half or the other by the article of their second hop."""
    titles, paragraphs, asked = read(data / "retrieval" / "xquad-en")
    articles = wikigold(data / "ner" / "wikigold.conll")
    found = [*composed(paragraphs, asked), *followed(paragraphs, asked, articles)]
    corpus = [{"_id": key, "title": titles[key], "text": text} for key, text in paragraphs.items()]
    corpus += [{"_id": key, "title": "", "text": article.text} for key, article in articles.items()]
    facts = [
        {"_id": each.id, "text": each.text, "metadata": {"bridge": each.bridge, "kind": each.kind}} for each in found
    ]
    (target / "qrels").mkdir(parents=True, exist_ok=True)
    for name, rows in (("corpus", corpus), ("queries", facts)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (target / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    for number, split in enumerate(("tune", "test")):
        lines = "query-id\tcorpus-id\tscore\n" + "".join(
            f"{each.id}\t{document}\t1\n"
            for each in found
            if _half(each.documents[1]) == number
            for document in each.documents
        )
        (target / "qrels" / f"{split}.tsv").write_text(lines, encoding="utf-8")
    return found


def _half(document: str) -> int:
    """By article: the paragraphs of one share its words."""
    return int(document.removeprefix("wikigold-").partition("-")[0]) % 2


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    found = make(options.data, options.folder)
    kinds = {kind: sum(each.kind == kind for each in found) for kind in ("composed", "follow-up")}
    print(f"{options.folder}: " + ", ".join(f"{count} {kind} questions" for kind, count in kinds.items()))


if __name__ == "__main__":
    main()
