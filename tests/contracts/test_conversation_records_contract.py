"""The contract of the port `ConversationRecords`: what came from a document goes with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.answers import Answer, AnswerSentence, CitedSource, Proof
from cortex_engine.core.catalog import Catalog
from cortex_engine.core.collections import EmbeddingSpec
from cortex_engine.core.documents import Chunk, DocumentInfo, Page, PageState, ParsedDocument
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.identifiers import chunk_id, content_hash, document_id, new_id
from cortex_engine.core.records import PreparedDocument

_SPEC = EmbeddingSpec("hashing", "small", "1", 2, "none", True, 64)
_BACKENDS: dict[str, Callable[[Path], Catalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}
HONEY, WAX, TEA = "Honey is sweet xhoneyx.", "Wax burns slowly xwaxx.", "Tea is steamed xteax."
_HOSTILE = "'; DROP TABLE turn; -- <script>alert(1)</script>"


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("home", _SPEC)
    yield made
    made.close()


def commit(catalog: Catalog, text: str, pipeline: str = "one", cut: int | None = None) -> str:
    """Take a text in as one passage (of its first `cut` characters); returns the document's id."""
    sha256 = content_hash(text.encode())
    key, end = document_id(sha256), cut or len(text)
    chunk = Chunk(chunk_id(key, 0, end, text[:end]), key, 0, text[:end], 0, end, 1, 1)
    parsed = ParsedDocument(DocumentInfo("text"), (Page(1, text, PageState.TEXT),), ())
    catalog.commit(PreparedDocument(sha256, f"{text[:5].strip()}.txt", 1, parsed, [chunk], {}, pipeline), "home")
    return key


def source(number: int, text: str) -> CitedSource:
    key = document_id(content_hash(text.encode()))
    chunk = chunk_id(key, 0, len(text), text)
    return CitedSource(number, key, f"{text[:5].strip()}.txt", 1, chunk, text, text, 0, len(text), 0.5)


def sentence(text: str, cited: tuple[int, ...], proved: tuple[int, ...] | None = None) -> AnswerSentence:
    bearing = cited if proved is None else proved
    if not bearing:
        return AnswerSentence(text, cited, Proof.UNVERIFIED, 0.25, "It cites no passage.")
    return AnswerSentence(text, cited, Proof.QUOTED, None, "", bearing)


def turn(
    conversation: str, *sentences: AnswerSentence, texts: tuple[str, ...] = (HONEY, WAX), **more: object
) -> Answer:
    sources = tuple(source(number, text) for number, text in enumerate(texts, start=1))
    made = Answer(
        new_id(),
        conversation,
        "What is sweet?",
        "What is sweet?",
        sentences,
        sources,
        writer="quotes",
        asked="2026-01-01T00:00:00+00:00",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def everything(catalog: Catalog) -> str:
    """Every value of every table."""
    assert isinstance(catalog, SqliteCatalog)
    with sqlite3.connect(catalog._database.path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return repr([connection.execute(f"SELECT * FROM {name}").fetchall() for name in names])


def test_turns_come_back_as_they_were_kept(catalog: Catalog) -> None:
    commit(catalog, HONEY)
    commit(catalog, WAX)
    first = turn(
        "c1", sentence(HONEY, (1,)), sentence("\n\nBoth xboth.", (1, 2), (2,)), sentence("Perhaps.", ()), flight_id="f1"
    )
    second = turn(
        "c1", abstained=True, question="And wax?", searched="And wax sweet?", notes=("A note.",), milliseconds=12.5
    )
    catalog.keep_turn(first, ["home", "other"])
    catalog.keep_turn(second, ["home"])
    assert catalog.turns("c1") == [first, second]
    (kept,) = catalog.conversations()
    assert (kept.id, kept.title, kept.collections, kept.turns) == ("c1", "What is sweet?", ("home", "other"), 2)


def test_the_newest_conversation_comes_first_and_each_can_be_renamed_and_forgotten(catalog: Catalog) -> None:
    commit(catalog, HONEY)
    for name in ("c1", "c2", "c3"):
        catalog.keep_turn(turn(name, sentence(HONEY, (1,)), texts=(HONEY,), question=f"{_HOSTILE} {name}"), [])
    assert [each.id for each in catalog.conversations()] == ["c3", "c2", "c1"]
    assert [each.id for each in catalog.conversations(1)] == ["c3"]
    catalog.rename_conversation("c1", f"  {_HOSTILE} ")
    assert catalog.conversations()[-1].title == _HOSTILE
    for wrong in ("", " ", "x" * 201, "a\nb", "\ud800"):
        with pytest.raises(UsageError):
            catalog.rename_conversation("c1", wrong)
    catalog.delete_conversation("c1")
    assert [each.id for each in catalog.conversations()] == ["c3", "c2"]
    for gone in (
        lambda: catalog.turns("c1"),
        lambda: catalog.delete_conversation("c1"),
        lambda: catalog.rename_conversation("c1", "x"),
    ):
        with pytest.raises(NotFoundError, match="gone"):
            gone()
    assert f"{_HOSTILE} c1" not in everything(catalog)
    with pytest.raises(UsageError, match="broken characters"):
        catalog.keep_turn(turn("c4", question="\ud800"), [])


def test_a_deleted_document_takes_its_quotes_its_sentences_and_unproved_ones_along(catalog: Catalog) -> None:
    honey, _wax = commit(catalog, HONEY), commit(catalog, WAX)
    kept = [sentence(f"Of wax: {WAX}", (2,)), sentence("Both prove it.", (1, 2)), sentence("Wax does.", (1, 2), (2,))]
    gone = [
        sentence(HONEY, (1,)),
        sentence("Honey does xhoneyx.", (1, 2), (1,)),
        sentence("From nowhere xhoneyx.", ()),
        sentence("xhoneyx?", (2,), ()),
    ]
    catalog.keep_turn(turn("c1", *gone, *kept, searched="What is sweet? xhoneyx"), [])
    catalog.keep_turn(turn("c1", sentence("Later.", (1,)), texts=(WAX,), searched="Later xhoneyx"), [])
    catalog.delete_documents([honey])
    first, second = catalog.turns("c1")
    assert [each.text for each in first.sentences] == [each.text for each in kept]
    assert all(each.citations == each.proved_by == (2,) for each in first.sentences)
    assert [each.number for each in first.sources] == [2]
    assert "deleted since" in first.notes[-1]
    assert first.searched == first.question
    assert (second.searched, second.notes) == (second.question, ())
    assert "xhoneyx" not in everything(catalog)
    assert honey not in everything(catalog).replace(f"'delete', '{honey}'", "")


def test_two_passages_of_one_document_go_together(catalog: Catalog) -> None:
    honey = commit(catalog, HONEY)
    twice = (source(1, HONEY), replace(source(2, HONEY), chunk_id="0" * 32))
    catalog.keep_turn(turn("c1", sentence("Both xhoneyx.", (1, 2)), sources=twice), [])
    catalog.delete_documents([honey])
    (left,) = catalog.turns("c1")
    assert (left.sentences, left.sources) == ((), ())
    assert "xhoneyx" not in everything(catalog)


def test_what_was_deleted_while_the_answer_was_written_is_not_kept(catalog: Catalog) -> None:
    commit(catalog, WAX)
    catalog.keep_turn(turn("c1", sentence(HONEY, (1,)), sentence(WAX, (2,)), sentence("Maybe xhoneyx.", ())), [])
    (left,) = catalog.turns("c1")
    assert [each.text for each in left.sentences] == [WAX]
    assert "xhoneyx" not in everything(catalog)


def test_a_conversation_that_was_deleted_while_the_answer_was_written_begins_anew(catalog: Catalog) -> None:
    """The answer is not lost, but nothing of the questions that were deleted comes back with it."""
    commit(catalog, HONEY)
    catalog.keep_turn(turn("c1", sentence(HONEY, (1,)), texts=(HONEY,), question="Of xoldx?", searched="Of xoldx?"), [])
    catalog.delete_conversation("c1")
    catalog.keep_turn(turn("c1", sentence(HONEY, (1,)), texts=(HONEY,), searched="What is sweet? xoldx"), [])
    (left,) = catalog.turns("c1")
    assert left.searched == left.question
    assert "xoldx" not in everything(catalog)


def test_a_document_that_is_read_anew_keeps_what_was_quoted(catalog: Catalog) -> None:
    commit(catalog, HONEY)
    catalog.keep_turn(turn("c1", sentence(HONEY, (1,)), texts=(HONEY,)), [])
    commit(catalog, HONEY, "two", cut=10)
    (left,) = catalog.turns("c1")
    (found,) = left.sources
    assert (found.text, found.quote, found.char_start, found.char_end) == (HONEY, HONEY, 0, 0)
    assert [each.text for each in left.sentences] == [HONEY]
    assert left.notes == ()
