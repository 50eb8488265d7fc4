"""Data sets in BEIR layout: `corpus.jsonl`, `queries.jsonl`, `qrels/*.tsv` (Thakur et al., NeurIPS 2021)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cortex_engine.core.errors import NotFoundError, UsageError

_PREFERRED = ("test.tsv", "dev.tsv", "train.tsv")


@dataclass(frozen=True, slots=True)
class EvaluationDataset:
    """A test collection.

    Attributes:
        name: of the folder.
        folder: where it lies; the corpus is read from there again and again, never held in memory.
        queries: query id -> text, in the order of the file.
        judgements: query id -> document id -> grade.
    """

    name: str
    folder: Path
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]

    def corpus(self) -> Iterator[tuple[str, str, str]]:
        """Id, title (often "") and text of each document, in the order of the file.

        Raises:
            UsageError: a line cannot be read, or an id stands twice.
        """
        path = self.folder / "corpus.jsonl"
        seen: set[str] = set()
        for number, record in _lines(path):
            document = _text(path, number, record, "_id")
            if document in seen:
                raise UsageError(f"{path}, line {number}: the id '{document}' stands there a second time.")
            seen.add(document)
            yield document, _text(path, number, record, "title", ""), _text(path, number, record, "text")


def read_dataset(folder: Path, split: str = "") -> EvaluationDataset:
    """Read queries and judgements.

    Args:
        folder: holds `corpus.jsonl`, `queries.jsonl` and `qrels/`.
        split: name of a file in `qrels/` without its ending; "" takes test, else dev, else train, else the only one.

    Raises:
        NotFoundError: a file of the layout is missing.
        UsageError: a line cannot be read; the message names file and line.
    """
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            raise NotFoundError(
                f"{folder} is no data set in BEIR layout: {name} is missing. It needs corpus.jsonl, queries.jsonl "
                f"and qrels/*.tsv."
            )
    path = folder / "queries.jsonl"
    queries: dict[str, str] = {}
    for number, record in _lines(path):
        query = _text(path, number, record, "_id")
        if query in queries:
            raise UsageError(f"{path}, line {number}: the id '{query}' stands there a second time.")
        queries[query] = _text(path, number, record, "text")
    name = folder.name or folder.resolve().name
    return EvaluationDataset(name, folder, queries, _judgements(_qrels(folder, split)))


def _qrels(folder: Path, split: str) -> Path:
    files = {path.name: path for path in sorted((folder / "qrels").glob("*.tsv"))}
    wanted = (f"{split}.tsv",) if split else _PREFERRED
    for name in wanted:
        if name in files:
            return files[name]
    if not split and len(files) == 1:
        return next(iter(files.values()))
    known = ", ".join(files) or "none"
    raise NotFoundError(f"{folder / 'qrels'} has no judgements {' or '.join(wanted)} (found: {known}).")


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    """Tab-separated `query-id corpus-id score`, with or without a header line."""
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_read(path), start=1):
        if not line.strip():
            continue
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 and fields[-1].strip() in ("score", "relevance"):
            continue
        try:
            query, document, grade = fields
            found.setdefault(query, {})[document] = int(grade)
        except ValueError as error:
            raise UsageError(
                f"{path}, line {number}: expected query id, document id and a whole number, separated by tabs, "
                f"but found: {line.strip()[:80]!r}."
            ) from error
    return found


def _lines(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Line number from 1 and the JSON object on it; blank lines are passed over."""
    for number, line in enumerate(_read(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: this is not JSON ({error}).") from error
        if not isinstance(record, dict):
            raise UsageError(f"{path}, line {number}: expected a JSON object, but found: {line.strip()[:80]!r}.")
        yield number, record


def _read(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as stream:
            yield from stream
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start} of a block).") from error


def _text(path: Path, number: int, record: Mapping[str, object], key: str, default: str | None = None) -> str:
    value = record.get(key, default)
    if not isinstance(value, str):
        raise UsageError(f"{path}, line {number}: the field '{key}' is missing or no text.")
    return value
