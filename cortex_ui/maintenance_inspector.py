"""Database Embedding Inspector: what the vectors look like, whose they are, and what their dimension means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cortex_engine.core.app import Compatibility, VectorStatistics
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.probes import ProbeReport
from cortex_engine.core.probes import Verdict as ProbeVerdict
from cortex_ui import certificate, maintenance_map, maintenance_reembed, migrations, safe, tasks, wording
from cortex_ui.session import suite

_INGEST = Path(__file__).parents[1] / "pages" / "2_Knowledge_Ingest.py"
_TOLERANCE = 0.01
"""Lengths of vectors that should be 1 may differ from it by so much."""
_PATIENCE = 0.6
_PROBED = {each: "good" if each.usable else "bad" for each in ProbeVerdict} | {ProbeVerdict.OTHER_PRECISION: "plain"}
_TONES = {"full": "good", "reranker only": "plain", "check source model": "fair"}


@dataclass(frozen=True)
class Verdict:
    """What the figures mean. `tone`: "good", "fair", "bad" or "empty"."""

    tone: str
    headline: str
    sentences: tuple[str, ...]


def draw() -> None:
    """The tab."""
    migrations.draw()
    _vectors()
    certificate.draw()
    maintenance_reembed.draw()
    migrations.earlier()
    _compatibility(suite().compatibility())


def _vectors() -> None:
    """What a look at every vector finds; nothing else of the tab waits for it."""
    task = tasks.current("vectors", lambda _: suite().inspect_vectors(), version())
    if tasks.follow(task, "Looking at every vector"):
        return
    if task.error:
        st.error(safe.label(task.error), icon=":material/error:")
        return
    found: list[VectorStatistics] = task.result
    _banner(verdict(found, moving()))
    if found:
        _figures(found)
        maintenance_map.draw(found)
        _models(found)


def version() -> object:
    """Changes whenever vectors may have come or gone."""
    collections = suite().collections()
    moves = tuple((each.id, each.state) for each in suite().migrations())
    return suite().counts(), tuple((each.name, each.spec.id, each.chunk_count) for each in collections), moves


def moving() -> dict[str, str]:
    """Id of a model whose vectors a move makes or keeps -> what they are there for, in words; names are not made safe yet."""
    used = {each.spec.id for each in suite().collections()}
    return {
        spec.id: f"Vectors of the move of '{move.collection}'"
        for move in suite().migrations(open_only=True)
        for spec in (move.source, move.target)
        if spec.id not in used
    }


def verdict(found: Sequence[VectorStatistics], moving: Mapping[str, str] | None = None) -> Verdict:
    """The figures in words, the worst first; names in them are not made safe yet.

    Args:
        moving: ids of models whose vectors belong to a move that has not ended.
    """
    found = [each for each in found if each.spec.id not in (moving or {})]
    vectors = sum(each.vectors for each in found)
    if not vectors and not any(each.expected for each in found):
        return Verdict("empty", "There are no vectors yet", ("They are made when documents are added.",))
    damage = [sentence for each in found for sentence in _damage(each)]
    doubts = [sentence for each in found for sentence in _doubts(each)]
    if damage:
        names = sorted({name for each in found for name in each.affected})
        where = f" They belong to: {', '.join(names)}." if names else ""
        damage.append(f"Delete these documents and add them again, or restore a backup.{where}")
        return Verdict("bad", "Some vectors are damaged", (*damage, *doubts))
    if doubts:
        return Verdict("fair", "The vectors are sound, with a remark", tuple(doubts))
    dimensions = sorted({dimension for each in found for dimension in each.dimensions})
    models = sorted({each.spec.model for each in found if each.vectors})
    makers = f"model {models[0]} makes" if len(models) == 1 else f"models {' and '.join(models)} make"
    many = "The vector has" if vectors == 1 else f"All {wording.number(vectors)} vectors have"
    sentence = f"{many} {' or '.join(map(str, dimensions))} dimensions, as the {makers} them."
    return Verdict("good", "The vectors are sound", (sentence,))


def _damage(each: VectorStatistics) -> Iterator[str]:
    model = each.spec.model
    strange = {size: count for size, count in each.dimensions.items() if size != each.spec.dimension}
    if strange:
        sizes = ", ".join(f"{wording.count(count, 'vector')} with {size}" for size, count in strange.items())
        yield f"{model} makes vectors of {each.spec.dimension} dimensions, but stored are {sizes}."
    if each.not_finite:
        yield f"Of {model}: {wording.count(each.not_finite, 'vector')} with values that are no numbers."
    if each.zero:
        passages = "this passage" if each.zero == 1 else "these passages"
        yield f"Of {model}: {wording.count(each.zero, 'vector')} of length 0; no search by meaning finds {passages}."


def _doubts(each: VectorStatistics) -> Iterator[str]:
    model = each.spec.model
    if not each.usable and each.collections:
        yield f"{model} cannot be used here: {each.reason} Until then {', '.join(each.collections)} can be searched by words."
    if each.expected > each.vectors:
        missing = wording.count(each.expected - each.vectors, "passage")
        yield f"Without a vector of {model}, and found by words only: {missing}. The Health tab can mend it."
    short = not each.zero and each.norm_low < 1 - _TOLERANCE
    if each.spec.normalised and each.vectors and (short or each.norm_high > 1 + _TOLERANCE):
        yield (
            f"Vectors of {model} should have the length 1, but lie between {each.norm_low:.3f} and {each.norm_high:.3f}. "
            "Search goes by direction and still works; the model may have been changed."
        )
    if not each.collections:
        yield f"In no collection any more: {wording.count(each.vectors, 'vector')} of {model}."


def _banner(said: Verdict) -> None:
    box, icon = {
        "good": (st.success, "verified"),
        "fair": (st.warning, "warning"),
        "bad": (st.error, "error"),
        "empty": (st.info, "info"),
    }[said.tone]
    body = "\n\n".join(safe.label(each) for each in said.sentences)
    with st.container(key="verdict"):
        box(f"**{said.headline}**\n\n{body}", icon=f":material/{icon}:")
        if said.tone == "empty":
            st.page_link(_INGEST, label="Add documents", icon=":material/arrow_forward:", icon_position="right")


def _figures(found: Sequence[VectorStatistics]) -> None:
    vectors = sum(each.vectors for each in found)
    dimensions = sorted({size for each in found for size in each.dimensions} or {each.spec.dimension for each in found})
    mean = sum(each.norm_mean * each.vectors for each in found) / max(1, vectors)
    low, high = min(each.norm_low for each in found), max(each.norm_high for each in found)
    with st.grid(4, min_column_width=128, gap="small", key="vector_figures"):
        st.metric("Vectors", wording.number(vectors), border=True)
        st.metric("Dimensions", ", ".join(map(str, dimensions)), border=True)
        st.metric(
            "Norm",
            f"{mean:.3f}",
            border=True,
            help=f"Mean length of the vectors; the shortest has {low:.3f}, the longest {high:.3f}.",
        )
        st.metric(
            "Duplicates",
            wording.number(sum(each.duplicates for each in found)),
            border=True,
            help="Vectors that equal one of another text: nearly the same text twice, or text that a model cannot tell apart.",
        )


def _models(found: Sequence[VectorStatistics]) -> None:
    st.subheader("Collections and their models", anchor=False)
    reports = {each.model_id: each for each in suite().known_reports()}
    kept = moving()
    for each in found:
        with st.container(border=True, key=f"model_{each.spec.id}"):
            safe.show(_card(each, reports.get(each.spec.id), kept.get(each.spec.id, "")))
    _verify(reports)


def _verify(reports: Mapping[str, ProbeReport]) -> None:
    """Look at the models themselves: do they still give the vectors that they gave?"""
    task = tasks.find("verify_models")
    if task is not None and tasks.follow(task, "Loading the models and comparing their probes"):
        return
    if task is not None and task.error:
        st.error(safe.label(task.error), icon=":material/error:")
    st.button(
        "Check the models again" if reports else "Check the models",
        icon=":material/fact_check:",
        key="verify_models",
        on_click=_begin_verifying,
        help="Each model is loaded, embeds 16 fixed texts and pictures, and is compared with what it gave when its first "
        "collection was made.",
    )


def _begin_verifying() -> None:
    tasks.begin("verify_models", lambda _: suite().verify_models()).wait(_PATIENCE)


def _card(each: VectorStatistics, report: ProbeReport | None, kept: str) -> str:
    names = ", ".join(safe.escape(name) for name in each.collections) or safe.escape(kept) or "No collection"
    chips = [("good", "ready") if each.usable else ("fair", "cannot be used")]
    if report is not None:
        chips.append((_PROBED[report.verdict], f"probes: {report.verdict}"))
    shown = " ".join(f'<span class="cx-chip {tone}">{word}</span>' for tone, word in chips)
    rows = "".join(f"<div><span>{safe.escape(name)}</span>{safe.escape(value)}</div>" for name, value in facts(each))
    said = [each.reason, report.sentence if report is not None else ""]
    reasons = "".join(
        f'<div class="cx-quiet">{safe.escape(sentence)}</div>' for sentence in dict.fromkeys(said) if sentence
    )
    return (
        f'<div class="cx-name">{names}</div><div class="cx-quiet">{safe.escape(each.spec.model)} {shown}</div>{reasons}'
        f'<div class="cx-facts">{rows}</div>'
    )


def facts(each: VectorStatistics) -> Iterator[tuple[str, str]]:
    """What identifies the model, and what its vectors look like, line by line."""
    spec = each.spec
    sizes = [f"{size} ({wording.count(count, 'vector')})" for size, count in each.dimensions.items()]
    yield "Stored dimension", ", ".join(sizes) if len(sizes) > 1 else str(next(iter(each.dimensions), spec.dimension))
    yield "Vectors", f"{wording.number(each.vectors)} of {wording.number(each.expected)}"
    low, mean, high = (f"{norm:.3f}" for norm in (each.norm_low, each.norm_mean, each.norm_high))
    yield "Norm", mean if low == high else f"{mean} ({low} to {high})"
    yield "Zero or no number", wording.number(each.zero + each.not_finite)
    yield "Duplicates", wording.number(each.duplicates)
    yield "Reads", _reads(spec)
    if spec.sees:
        pictures = sum(suite().collection_counts(name).pictures for name in each.collections)
        yield "Pictures", wording.number(pictures)
    yield "Backend", spec.backend
    yield "Revision", spec.revision[:12] or "not given"
    yield "Pooling", f"{spec.pooling}, {'normalised' if spec.normalised else 'not normalised'}"
    yield "Longest input", wording.count(spec.max_tokens, "token")
    if spec.truncated_from:
        yield "Shortened from", f"{spec.truncated_from} dimensions"
    if spec.query_instruction or spec.document_instruction:
        yield (
            "Instructions",
            f"query: {spec.query_instruction or 'none'}; passage: {spec.document_instruction or 'none'}",
        )
    yield "Identity", spec.id


def _reads(spec: EmbeddingSpec) -> str:
    return f"text, and pictures of up to {spec.max_pixels / 1e6:.1f} megapixels" if spec.sees else "text"


def _compatibility(table: Sequence[Compatibility]) -> None:
    st.subheader("What a dimension means for Qwen3-VL", anchor=False)
    st.markdown(
        ":gray[Several models share a dimension: the model that stands with the collection decides, not the dimension alone.]"
    )
    head = "<th>Dimension</th><th>Models</th><th>Qwen3-VL</th><th>What it takes</th>"
    body = "".join(_dimension(row) for row in table)
    with st.container(border=True, key="compatibility"):
        safe.show(f'<table class="cx-table wide"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _dimension(row: Compatibility) -> str:
    here = ' <span class="cx-chip good">in this library</span>' if row.present else ""
    models = " or ".join(safe.escape(name) for name in row.models) or "not on the list"
    chip = f'<span class="cx-chip {_TONES[row.qwen3_vl]}">{safe.escape(row.qwen3_vl)}</span>'
    return (
        f'<tr><td><span class="here">{row.dimension}</span>{here}</td><td>{models}</td><td>{chip}</td>'
        f"<td>{safe.escape(row.migration)}</td></tr>"
    )
