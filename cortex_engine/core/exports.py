"""Results of a search for other programs: a table (CSV), a page to read (Markdown), data (JSON).

What documents hold and how files are called is hostile input: a spreadsheet computes none of it, a Markdown viewer takes
none of it for markup, images or links. No path of this machine goes out.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import asdict
from pathlib import PurePosixPath, PureWindowsPath

from cortex_engine.core.search import HitKind, SearchHit, SearchResult

_FORMULA = frozenset("=+-@\t\r＝＋－＠")
_COLUMNS = (
    "rank", "score", "document", "title", "type", "page", "page_label", "collections", "context", "passage",
    "document_id", "passage_id", "kind", "relevance",
)  # fmt: skip
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PUNCTUATION = re.compile(r"[!#$()*+\-.:=@\[\\\]^_`{|}~]")
_ADDRESS = re.compile(r"(?<=\S)\\@(?=\S)")


def results_csv(result: SearchResult) -> str:
    """One row a hit, as RFC 4180 has it; begins with a byte order mark, so that Excel reads it as UTF-8.

    Text that a spreadsheet would compute gets a leading apostrophe.
    """
    stages = list(dict.fromkeys(stage for hit in result.hits for stage in hit.stages))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, *(f"{stage} {what}" for stage in map(_cell, stages) for what in ("rank", "score"))])
    for hit in result.hits:
        texts = (_name(hit.document), hit.title, hit.media_type)
        row: list[str | int | float] = [hit.rank, _number(hit.score), *map(_cell, texts), hit.page]
        row += map(_cell, (hit.page_label, "; ".join(hit.collections), hit.context, hit.text))
        row += map(_cell, (hit.document_id, hit.chunk_id, hit.kind.value))
        row += ["" if hit.relevance is None else _number(hit.relevance)]
        for stage in stages:
            standing = hit.stages.get(stage)
            row += ["" if standing is None or standing.rank is None else standing.rank]
            row += ["" if standing is None else _number(standing.score)]
        writer.writerow(row)
    return f"\ufeff{stream.getvalue()}"


def results_markdown(result: SearchResult) -> str:
    """A page to read: the query, then each hit with its place and its passage as a quotation."""
    lines = [f"# {_escaped(result.query.text) or 'Search'}", "", _counted(result), ""]
    lines += [f"> {_escaped(warning)}\n" for warning in result.warnings]
    for hit in result.hits:
        lines += [f"## {hit.rank}\\. {_escaped(hit.title or _name(hit.document))}", "", f"{_place(hit)}", ""]
        lines += [f"> {_escaped(line)}".rstrip() for line in _clean(hit.text).splitlines() or [""]]
        lines.append("")
    return "\n".join(lines)


def results_json(result: SearchResult) -> str:
    """Everything that explains the result: query, hits with their standing in every stage, warnings, milliseconds."""
    query = asdict(result.query)
    query["filters"]["documents"] = [_name(name) for name in result.query.filters.documents]
    hits = [{**asdict(hit), "document": _name(hit.document), "stages": _stages(hit)} for hit in result.hits]
    data = {
        "query": query,
        "hits": hits,
        "degraded": result.degraded,
        "warnings": result.warnings,
        "milliseconds": result.timings_ms,
    }
    return json.dumps(_plain(data), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _counted(result: SearchResult) -> str:
    pictures = sum(hit.kind is HitKind.PICTURE for hit in result.hits)
    passages = len(result.hits) - pictures
    parts = [f"{passages} {'passage' if passages == 1 else 'passages'}"] if passages or not pictures else []
    return " · ".join([*parts, *([f"{pictures} {'picture' if pictures == 1 else 'pictures'}"] if pictures else [])])


def _stages(hit: SearchHit) -> dict[str, object]:
    return {
        stage: {"rank": standing.rank, "score": standing.score}
        | ({} if standing.standard is None else {"standard": standing.standard})
        for stage, standing in hit.stages.items()
    }


def _plain(value: object) -> object:
    """The value with tuples as lists, numbers that JSON does not know as null, and text that UTF-8 can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value


def _cell(text: str) -> str:
    """Text that no spreadsheet computes."""
    text = _CONTROLS.sub("", text)
    return f"'{text}" if text[:1] in _FORMULA or text.lstrip()[:1] in _FORMULA else text


def _number(score: float) -> float | str:
    return round(score, 6) if math.isfinite(score) else ""


def _name(name: str) -> str:
    """A name without the folders of this machine; what an archive holds keeps its place in it."""
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()
    return PureWindowsPath(name).name if absolute else name


def _clean(text: str) -> str:
    return _CONTROLS.sub("", text.replace("\t", " "))


def _escaped(text: str) -> str:
    """Text on one line that Markdown takes as it stands."""
    text = " ".join(_clean(text).split())
    text = _PUNCTUATION.sub(lambda mark: f"\\{mark.group()}", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An address is made a link after escapes have gone; an invisible word joiner hinders it.
    return _ADDRESS.sub("\\@\u2060", text)


def _place(hit: SearchHit) -> str:
    parts = [_escaped(_name(hit.document)), f"page {_escaped(hit.page_label or str(hit.page))}"]
    parts += [_escaped(", ".join(hit.collections))] if hit.collections else []
    return " · ".join([*parts, f"score {hit.score:.3f}"])
