"""Benchmark of the lexical index: quality, speed against tantivy called directly and bm25s, error of the moments.

    python scripts/benchmark_lexical.py --data ../shared/data --passages 100000 --output docs/benchmarks/lexical.md

The passages are made from the texts of the retrieval sets (cacm, npl, xquad-en): all their sentences are shuffled with
a fixed seed, again and again, and joined to passages of about 770 characters. The queries are those of the sets.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import tantivy
from reporting import DATA, PAGES

from cortex_engine.core.protocols import LexicalEntry, LexicalQuery
from cortex_engine.core.reports import ScoreMoments
from cortex_engine.lexical.tantivy_index import TantivyIndex

SETS = {"cacm": "en", "npl": "en", "xquad-en": "en", "xquad-de": "de", "xquad-zh": "zh", "xquad-de-to-en": "en"}
TOP_K = 10


def read_lines(path: Path) -> list[dict[str, str]]:
    """Records of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def ndcg(found: list[str], relevant: dict[str, int]) -> float:
    """nDCG@10 with gain 2**grade - 1."""

    def gain(grades: list[int]) -> float:
        return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades))

    ideal = gain(sorted(relevant.values(), reverse=True)[:TOP_K])
    return gain([relevant.get(chunk_id, 0) for chunk_id in found[:TOP_K]]) / ideal


def quality(folder: Path, language: str) -> float:
    """Mean nDCG@10 over the judged queries of one set."""
    judgements: dict[str, dict[str, int]] = defaultdict(dict)
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                judgements[row["query-id"]][row["corpus-id"]] = int(row["score"])
    queries = {line["_id"]: line["text"] for line in read_lines(folder / "queries.jsonl")}
    with tempfile.TemporaryDirectory() as target:
        index = TantivyIndex(Path(target) / "index")
        index.add(
            LexicalEntry(line["_id"], line["_id"], line["text"], line["title"], language)
            for line in read_lines(folder / "corpus.jsonl")
        )
        index.flush()
        values = []
        for query_id, relevant in judgements.items():
            ranking = index.match(LexicalQuery(queries[query_id], languages=(language,)), TOP_K)
            values.append(ndcg([item.chunk_id for item in ranking], relevant))
        index.close()
    return statistics.fmean(values)


def make_passages(data: Path, count: int) -> list[LexicalEntry]:
    """Passages as the module's docstring describes them; 20 make a document."""
    sentences, titles = [], []
    for name in ("cacm", "npl", "xquad-en"):
        for line in read_lines(data / name / "corpus.jsonl"):
            titles.append(line["title"] or line["text"][:40])
            sentences += [piece for piece in re.split(r"(?<=[.?!])\s+|\n\n", line["text"]) if len(piece) > 20]
    generator = random.Random(7)
    entries: list[LexicalEntry] = []
    while len(entries) < count:
        generator.shuffle(sentences)
        passage = ""
        for sentence in sentences:
            passage += sentence + " "
            if len(passage) > 700:
                number = len(entries)
                entries.append(
                    LexicalEntry(f"c{number:07}", f"d{number // 20:06}", passage, generator.choice(titles), "en")
                )
                passage = ""
    return entries[:count]


def read_queries(data: Path) -> list[str]:
    """The queries of the English sets."""
    return [line["text"] for name in ("cacm", "npl", "xquad-en") for line in read_lines(data / name / "queries.jsonl")]


class DirectTantivy:
    """tantivy as its own documentation uses it: English stemmer, one flat OR of the analysed words in two fields."""

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("chunk_id", stored=True, tokenizer_name="raw", index_option="basic")
        for field in ("body", "title"):
            builder.add_text_field(field, tokenizer_name="en_stem", index_option="position")
        self.schema = builder.build()
        self.index = tantivy.Index(self.schema, str(folder))
        self.analyser = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.remove_long(40))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )

    def add(self, entries: list[LexicalEntry]) -> None:
        """Index everything in one commit."""
        writer = self.index.writer(32_000_000, 1)
        for entry in entries:
            writer.add_document(tantivy.Document(chunk_id=entry.chunk_id, body=entry.text, title=entry.title))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()

    def match(self, text: str) -> list[tuple[str, float]]:
        """Ids and scores of the best."""
        searcher = self.index.searcher()
        clauses = []
        for term in dict.fromkeys(self.analyser.analyze(text)):
            clauses.append((tantivy.Occur.Should, tantivy.Query.term_query(self.schema, "body", term, "freq")))
            title = tantivy.Query.term_query(self.schema, "title", term, "freq")
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(title, 0.5)))
        hits = searcher.search(tantivy.Query.boolean_query(clauses), TOP_K, count=False).hits
        return [(searcher.doc(address).get_first("chunk_id"), score) for score, address in hits]


def bm25s_match(entries: list[LexicalEntry]) -> tuple[float, Callable[[str], object]]:
    """CPU seconds that bm25s takes to index, and its search."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    start = time.process_time()
    retriever = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    texts = [f"{entry.title} {entry.text}" for entry in entries]
    retriever.index(bm25s.tokenize(texts, stemmer=stemmer, show_progress=False), show_progress=False)
    seconds = time.process_time() - start

    def match(text: str) -> object:
        tokens = bm25s.tokenize(text, stemmer=stemmer, show_progress=False, return_ids=False)
        return retriever.retrieve(tokens, k=TOP_K, show_progress=False)

    return seconds, match


def interleaved(functions: dict[str, Callable[[str], object]], queries: list[str]) -> dict[str, list[float]]:
    """Milliseconds of every query for every function, taken in turn so that a busy host disturbs all alike."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        for query in queries[:20]:
            function(query)
    for query in queries:
        for name, function in functions.items():
            start = time.perf_counter()
            function(query)
            taken[name].append((time.perf_counter() - start) * 1000)
    return taken


def percentile(values: list[float], share: float) -> float:
    """The value below which the share lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def update_times(index: TantivyIndex) -> list[float]:
    """Milliseconds from adding one document until a search has found it."""
    taken = []
    for number in range(12):
        entry = LexicalEntry(f"new{number}", f"new{number}", f"unmistakable{number} words", "A new document", "en")
        start = time.perf_counter()
        index.add([entry])
        index.flush()
        assert len(index.match(LexicalQuery(f"unmistakable{number}"), 1)) == 1
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def moment_errors(index: TantivyIndex, queries: list[str]) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of `moments`, errors of the best hit's standardised score, and of the deviation in per cent."""
    taken, errors, deviations = [], [], []
    count = index.count()
    for text in queries:
        query = LexicalQuery(text, languages=("en",))
        start = time.perf_counter()
        estimate = index.moments(query)
        taken.append((time.perf_counter() - start) * 1000)
        scores = [item.score for item in index.match(query, count)]
        mean = sum(scores) / count
        exact = ScoreMoments(mean, math.sqrt(sum(score * score for score in scores) / count - mean * mean), count)
        true = (scores[0] - exact.mean) / exact.deviation
        errors.append(abs((scores[0] - estimate.mean) / estimate.deviation - true) / true * 100)
        deviations.append(abs(estimate.deviation / exact.deviation - 1) * 100)
    return taken, errors, deviations


def line(name: str, values: list[float]) -> str:
    """A row of a table."""
    return f"| {name} | {percentile(values, 0.5):.2f} | {percentile(values, 0.95):.2f} |"


def speed(data: Path, count: int) -> list[str]:
    """The part of the report about speed and moments."""
    entries = make_passages(data, count)
    queries = read_queries(data)
    megabytes = sum(len(entry.text) + len(entry.title) for entry in entries) / 1e6
    out = [f"{count:,} passages, {megabytes:.0f} MB, {len(queries)} queries, top {TOP_K}.", ""]
    with tempfile.TemporaryDirectory() as folder:
        index, direct = TantivyIndex(Path(folder) / "ours"), DirectTantivy(Path(tempfile.mkdtemp(dir=folder)))
        start = time.process_time()
        index.add(entries)
        index.flush()
        index.close()
        ours = time.process_time() - start
        start = time.process_time()
        direct.add(entries)
        theirs = time.process_time() - start
        peer_seconds, peer = bm25s_match(entries)
        out += ["| index | CPU-ms per MB |", "|---|---|"]
        for name, seconds in (("this index", ours), ("tantivy directly", theirs), ("bm25s", peer_seconds)):
            out.append(f"| {name} | {seconds * 1000 / megabytes:.0f} |")
        start = time.perf_counter()
        index.count()
        out += ["", f"Opening with every checksum compared: {(time.perf_counter() - start) * 1000:.0f} ms.", ""]
        scope = frozenset(entry.document_id for entry in entries[: count // 2])

        def match(text: str, documents: frozenset[str] | None = None) -> object:
            return index.match(LexicalQuery(text, languages=("en",)), TOP_K, documents)

        taken = interleaved(
            {"this index": match, "tantivy directly": direct.match, "bm25s": peer, "half": lambda q: match(q, scope)},
            queries,
        )
        taken[f"this index, within {len(scope):,} documents"] = taken.pop("half")
        out += ["| query | p50 ms | p95 ms |", "|---|---|---|", *(line(name, values) for name, values in taken.items())]
        ratio = percentile(taken["this index"], 0.95) / percentile(taken["tantivy directly"], 0.95)
        out += ["", f"p95 of this index is {ratio:.2f} times that of tantivy called directly (goal: at most 1.2).", ""]
        times, errors, deviations = moment_errors(index, queries[::8])
        out += ["| moments | p50 | p95 |", "|---|---|---|", line("ms", times)]
        out += [
            line("error of the best hit's standardised score, %", errors),
            line("error of the deviation, %", deviations),
        ]
        out += [
            "",
            "| one document | p50 ms | p95 ms |",
            "|---|---|---|",
            line("added and visible", update_times(index)),
        ]
        index.close()
    return out


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--output", type=Path, default=PAGES / "lexical.md")
    arguments = parser.parse_args()
    data = arguments.data / "retrieval"
    command = f"python scripts/benchmark_lexical.py --passages {arguments.passages}"
    out = ["# Lexical search", "", f"Made by `{command}`.", "", "## Quality", "", "Whole passages as entries.", ""]
    out += ["| set | nDCG@10 |", "|---|---|"]
    out += [f"| {name} | {quality(data / name, language):.4f} |" for name, language in SETS.items()]
    out += ["", "## Speed", "", *speed(data, arguments.passages), ""]
    text = "\n".join(out)
    sys.stdout.write(text)
    arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
