"""Passages, pictures and page pictures in one collection, searched with the real (tiny, trained) Qwen3-VL models.

Only `Misbehaving` stands in for something: a reranker that fails in ways that the real one does not on demand.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.config import load_config
from cortex_engine.core.errors import ModelUnavailableError, NotFoundError, ParseError, UsageError
from cortex_engine.core.flights import Cause
from cortex_engine.core.identifiers import document_id, file_hash, picture_id
from cortex_engine.core.pictures import DescribedBy, ModelInput, VectorName
from cortex_engine.core.reranking import Candidate, Judgement
from cortex_engine.core.search import Filters, HitKind, Query, SearchMode, SearchResult
from cortex_engine.suite import CortexSuite

pytestmark = pytest.mark.xdist_group("qwen3_vl")

_TEXTS = {
    "harbour.txt": "The ferry leaves the harbour at noon. A yellow flag means that the strait is closed to small boats.",
    "aid.txt": "The Red Cross looks after people who were hurt. Its helpers cross borders in every war.",
    "tea.md": "# Tea\n\nGreen tea is steamed.\n\n## Black tea\n\nBlack tea is oxidised in the factory of Merrow.",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, qwen3_vl_pictures: Path) -> Path:
    """The 16 pictures that the models know, without their names' help."""
    folder = tmp_path_factory.mktemp("pictures")
    for picture in qwen3_vl_pictures.glob("t_*.png"):
        shutil.copy(picture, folder)
    return folder


@pytest.fixture(scope="module")
def suite(
    tmp_path_factory: pytest.TempPathFactory, qwen3_vl_models: Path, pictures: Path, data_root: Path
) -> Iterator[CortexSuite]:
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("mixed")
    settings = {
        "QWEN3_VL_ENABLED": "true",
        "QWEN3_VL_EMBEDDING_MODEL": str(qwen3_vl_models / "trained_embedding"),
        "QWEN3_VL_RERANKER_MODEL": str(qwen3_vl_models / "trained_reranker"),
        "CORTEX_RERANKER": "qwen3_vl",
        "CORTEX_OCR": "false",
        "CORTEX_MIN_FREE_BYTES": "0",
    }
    texts = folder / "texts"
    texts.mkdir()
    for name, text in _TEXTS.items():
        (texts / name).write_text(text)
    with CortexSuite.open(loaded=load_config(folder / "library", environ=settings)) as opened:
        photos = sorted((data_root / "images" / "labelled").iterdir())[:8]
        guides = sorted(Path(__file__).parents[2].joinpath("docs", "how-to").glob("*.md"))[:8]
        paper = data_root / "documents" / "normal_4pages.pdf"
        report = opened.ingest([pictures, *photos, texts, *guides, paper], "Mixed", recursive=True)
        assert report.failed == []
        yield opened


def first(result: SearchResult) -> str:
    return result.hits[0].document


def plain(text: str, **more: object) -> Query:
    return Query(text, rerank=False, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [SearchMode.VECTOR, SearchMode.HYBRID])
@pytest.mark.parametrize("asked", ["yellow cross", "red circle", "blue triangle"])
def test_words_find_the_picture_among_pictures_and_texts(suite: CortexSuite, mode: SearchMode, asked: str) -> None:
    article = "a"
    result = suite.search(plain(f"{article} {asked}", mode=mode))
    hit = result.hits[0]
    assert hit.document == f"t_{asked.replace(' ', '_')}.png"
    assert (hit.kind, hit.page, hit.text) == (HitKind.PICTURE, 1, ""), "a document without any text is found"
    assert hit.stages["picture"].rank == 1
    assert hit.stages["picture"].score > 0.7, "the true cosine"
    assert {each.kind for each in suite.search(plain(f"{article} {asked}", mode=mode, top_k=60)).hits} == set(HitKind)
    assert not result.degraded and not result.warnings
    assert {"picture", "description", "mix"} <= {step.stage for step in result.trace.steps}


def test_words_still_find_texts(suite: CortexSuite) -> None:
    assert first(suite.search(plain("steamed green tea"))) == "tea.md"
    lexical = suite.search(plain("yellow", mode=SearchMode.LEXICAL))
    assert {hit.kind for hit in lexical.hits} == {HitKind.TEXT}


def test_kinds_filters_groups_and_counts_hold_for_pictures(suite: CortexSuite) -> None:
    ask = "a yellow cross"
    assert {hit.kind for hit in suite.search(plain(ask, kinds=(HitKind.TEXT,), top_k=30)).hits} == {HitKind.TEXT}
    pictures = suite.search(plain(ask, kinds=(HitKind.PICTURE,), top_k=1000, candidates=3)).hits
    assert len(pictures) == 16 + 8 + 4, "candidates grow until all were seen"
    assert {hit.kind for hit in pictures} == {HitKind.PICTURE}
    some = suite.search(plain(ask, filters=Filters(documents=("t_red_cross.png", "tea.md")), top_k=50))
    assert {hit.document for hit in some.hits} == {"t_red_cross.png", "tea.md"}
    grouped = suite.search(plain(ask, kinds=(HitKind.PICTURE,), top_k=1000, group=True)).hits
    assert len(grouped) == len({hit.document_id for hit in grouped}) == 16 + 8 + 1
    assert next(hit.more for hit in grouped if hit.media_type == "pdf") == 3
    nothing = suite.search(plain(ask, kinds=(HitKind.PICTURE,), filters=Filters(types=("text",))))
    assert nothing.hits == () and "no pictures" in nothing.warnings[0]


def test_a_page_and_its_passage_are_one_hit_with_the_standings_of_both(suite: CortexSuite) -> None:
    everything = suite.search(plain("the text of the page", top_k=1000)).hits
    both = [hit for hit in everything if {"picture", "vector"} <= hit.stages.keys()]
    assert len(both) == 4, "each page of the paper once with both"
    seen = [(hit.document_id, hit.page) for hit in everything if hit.kind is HitKind.PICTURE]
    assert len(seen) == len(set(seen))


def test_pictures_are_held_to_phrases_and_exclusions_by_their_words(suite: CortexSuite) -> None:
    result = suite.search(plain('a "yellow flag"', top_k=50))
    assert [hit.document for hit in result.hits] == ["harbour.txt"]
    step = next(step for step in result.trace.steps if step.stage == "picture")
    assert step.facts["without the phrases, or with excluded words"] > 0
    assert first(suite.search(plain("a yellow cross -flag"))) == "t_yellow_cross.png"


def test_why_a_picture_did_not_come_back(suite: CortexSuite) -> None:
    circle = suite.document("t_red_circle.png").id

    def why(query: Query, document: str = circle) -> tuple[Cause, list[str]]:
        answer = suite.why_not(query, document)
        for each in answer.suggestions:
            assert each.query is not None
            assert document in {hit.document_id for hit in suite.search(each.query, record=False).hits}
        return answer.cause, [each.title.split(",")[0] for each in answer.suggestions]

    itself = plain("a red circle", picture=f"{circle}:1", top_k=3)
    assert why(itself) == (Cause.FILTERED, ["Without the picture"])
    assert why(replace(itself, text="")) == (Cause.FILTERED, [])
    assert why(plain('"steamed green" tea')) == (Cause.FILTERED, ['Without the phrase "steamed green"'])
    assert why(plain("a red circle -steamed", top_k=1))[0] is not Cause.FILTERED, "its words hold nothing excluded"
    by_words = why(plain("a red circle", prefetch="description"))
    assert by_words == (Cause.LOST_IN_RECALL, ["Find pictures by their look and by their description"])


def test_an_uploaded_picture_finds_its_like(suite: CortexSuite, pictures: Path) -> None:
    from PIL import Image

    with Image.open(pictures / "t_blue_triangle.png") as picture:
        turned = picture.convert("RGB").rotate(3, fillcolor=picture.convert("RGB").getpixel((0, 0)))
    stream = io.BytesIO()
    turned.save(stream, "JPEG")
    reference = suite.keep_picture(stream.getvalue(), "mine.jpg")
    assert suite.keep_picture(stream.getvalue(), "again.jpg") == reference
    assert suite.query_picture(reference).mime == "image/png"
    assert first(suite.search(Query("", picture=reference))) == "t_blue_triangle.png"
    both = suite.search(plain("red", picture=reference, kinds=(HitKind.PICTURE,)))
    assert both.hits and not both.degraded


def test_more_like_a_stored_picture_leaves_itself_out(suite: CortexSuite, pictures: Path) -> None:
    key = document_id(file_hash(pictures / "t_yellow_cross.png"))
    by_id = suite.search(Query("", picture=picture_id(key, 1), top_k=1000))
    by_place = suite.search(Query("", picture=f"{key}:1", top_k=1000))
    assert by_id.hits == by_place.hits
    assert key not in {hit.document_id for hit in by_id.hits}
    assert by_id.hits[0].document.endswith("_cross.png")
    with pytest.raises(NotFoundError, match="gone"):
        suite.search(Query("", picture="0" * 32))
    with pytest.raises(NotFoundError, match="kept no longer"):
        suite.search(Query("", picture="0" * 64))


def test_what_makes_no_sense_is_refused(suite: CortexSuite) -> None:
    for query in (
        Query("", picture="../../etc/passwd"),
        Query("x", SearchMode.LEXICAL, picture="0" * 64),
        Query("x", SearchMode.LEXICAL, kinds=(HitKind.PICTURE,)),
        Query("x", prefetch="colour"),
        Query("x", picture_weight=1.5),
        Query("x", picture_weight=float("nan")),
        Query("x", rerank_top_k=-1),
        Query(""),
    ):
        with pytest.raises(UsageError):
            suite.search(query)
    with pytest.raises(UsageError, match="MB"):
        suite.keep_picture(b"\0" * 20_000_001)
    for data in (b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 100):
        with pytest.raises(ParseError):
            suite.keep_picture(data)


def test_two_vectors_are_weighted_and_prefetched(suite: CortexSuite, pictures: Path) -> None:
    """The picture of a red square is described as a green circle: which of the two counts is the weight's affair."""
    library = suite._library
    spec = next(iter(library.models().values()))
    keys = {
        name: picture_id(document_id(file_hash(pictures / f"t_{name}.png")), 1)
        for name in ("red_square", "yellow_circle")
    }
    said = {"red_square": "a green circle", "yellow_circle": "a blue cross"}
    for name, words in said.items():
        library.catalog.describe_picture(keys[name], words, DescribedBy.MODEL)
        vector = library.embedder(spec).embed_documents([words])[0]
        library.catalog.add_picture_vectors(spec.id, {keys[name]: {VectorName.DESCRIPTION: vector}})
    drawn = Filters(types=("image",))
    try:
        look, words = (
            suite.search(plain("a green circle", kinds=(HitKind.PICTURE,), picture_weight=weight, top_k=30))
            for weight in (1.0, 0.0)
        )
        assert [hit.chunk_id for hit in look.hits] == [
            hit.chunk_id for hit in sorted(look.hits, key=lambda hit: -hit.stages["picture"].score)
        ]
        assert (first(look), first(words)) == ("t_green_circle.png", "t_red_square.png")
        assert words.hits[0].stages["description"].score > 0.99 and words.hits[0].text == "a green circle"
        described = suite.search(
            plain("a green circle", kinds=(HitKind.PICTURE,), prefetch="description", filters=drawn)
        )
        assert [hit.document for hit in described.hits] == ["t_red_square.png", "t_yellow_circle.png"]
        assert all({"picture", "description"} <= hit.stages.keys() for hit in described.hits), "rescored by both"
    finally:
        for name in said:
            library.catalog.describe_picture(keys[name], "", DescribedBy.NOBODY)


def test_the_reranker_orders_the_best_and_says_how_sure_it_is(suite: CortexSuite) -> None:
    # What it never saw in its training, pages full of text, the tiny model judges at random: they are left out.
    drawn = Filters(types=("image",))
    result = suite.search(Query("a yellow cross", filters=drawn, rerank_candidates=6, rerank_top_k=3))
    assert first(result) == "t_yellow_cross.png"
    judged = [hit for hit in result.hits if hit.relevance is not None]
    assert len(judged) == 6 and len({hit.stages["rerank"].score for hit in judged}) == 6
    leading = [hit.stages["rerank"].score for hit in result.hits[:3]]
    assert leading == sorted(leading, reverse=True) == [hit.score for hit in result.hits[:3]]
    assert result.hits[0].relevance is not None and result.hits[0].relevance > 0.5
    step = next(step for step in result.trace.steps if step.stage == "rerank")
    assert {"model", "asked", "leading", "highest", "lowest"} <= step.facts.keys() and step.candidates == 6
    assert [each.id for each in suite.rerank("a red circle", ["at noon the ferry leaves", "a red circle"])] == [
        "1",
        "0",
    ]


class Misbehaving:
    """A reranker that fails as it is told to."""

    name, sees = "misbehaving", True

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def rerank(
        self, query: ModelInput, candidates: Sequence[Candidate], instruction: str | None = None
    ) -> list[Judgement]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return [Judgement(each.id, 0.5, float(str(self.answer))) for each in candidates][
            : -1 if self.answer == "1" else None
        ]


@pytest.mark.parametrize("answer", [ModelUnavailableError("It is not here."), "nan", "inf", "1", None])
def test_a_reranker_that_fails_changes_nothing_and_is_told(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    usual = suite.search(plain("a yellow cross"))
    monkeypatch.setattr(suite._library, "reranker", lambda: None if answer is None else Misbehaving(answer))
    result = suite.search(Query("a yellow cross", rerank=True))
    assert result.hits == usual.hits
    assert result.degraded == ("rerank",)
    assert "The results are in the order of the search alone." in result.warnings[0]
    assert next(step for step in result.trace.steps if step.stage == "rerank").warning


def test_a_reranker_that_reads_only_text_leaves_pictures_without_words_where_they_are(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = Misbehaving("2")
    blind.sees = False
    monkeypatch.setattr(suite._library, "reranker", lambda: blind)
    result = suite.search(Query("a yellow cross", rerank=True, top_k=20))
    assert first(result) == "t_yellow_cross.png" and result.hits[0].relevance is None
    assert all(hit.relevance == 0.5 for hit in result.hits if hit.kind is HitKind.TEXT)


def test_collections_that_do_not_see_are_named(suite: CortexSuite, tmp_path: Path, pictures: Path) -> None:
    reference = suite.keep_picture((pictures / "t_red_cross.png").read_bytes())
    catalog = suite._library.catalog
    from cortex_engine.embedding.hashing import HashingEmbedder

    catalog.create_collection("Letters", HashingEmbedder().spec)
    try:
        result = suite.search(Query("", picture=reference))
        assert first(result) == "t_red_cross.png"
        assert result.degraded == ("picture",) and "'Letters'" in result.warnings[0]
        with pytest.raises(UsageError, match="'Letters'.*read text only"):
            suite.search(Query("", picture=reference, filters=Filters(collections=("Letters",))))
    finally:
        catalog.delete_collection("Letters")


def test_a_tall_picture_is_kept_small(suite: CortexSuite) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (1_000, 20_000), "white").save(stream, "JPEG")
    kept = suite.query_picture(suite.keep_picture(stream.getvalue(), "tall.jpg"))
    assert kept.width * kept.height <= 4_010_000
    assert kept.height / kept.width == pytest.approx(20, rel=0.01)


def test_kept_pictures_are_bounded_and_a_damaged_one_is_not_believed(
    suite: CortexSuite, monkeypatch: pytest.MonkeyPatch, pictures: Path
) -> None:
    from cortex_engine import query_pictures

    monkeypatch.setattr(query_pictures, "_MOST_KEPT", 3)
    references = [suite.keep_picture(each.read_bytes(), each.name) for each in sorted(pictures.iterdir())[:6]]
    folder = suite.config.data_dir / "queries"
    assert len(list(folder.iterdir())) == 3
    assert suite.query_picture(references[-1]).width == 64
    (folder / f"{references[-1]}.png").write_bytes(b"something else")
    with pytest.raises(NotFoundError, match="damaged"):
        suite.query_picture(references[-1])
