"""Ask against a real small library: what is asked, what is shown of the answer, what survives."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cortex_engine.answering.stopping import AnswerEvents
from cortex_engine.config import load_config
from cortex_engine.core.answers import Answer, AnswerEvent, AnswerSentence, CitedSource, Proof, Question
from cortex_engine.core.app import ModelState, ModelStatus
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.core.identifiers import new_id
from cortex_engine.core.search import SearchMode
from cortex_engine.suite import CortexSuite
from cortex_ui import ask_writing, session

ROOT = Path(__file__).parents[2]
COMET = "Comet Quill has a period of about 71 years"
QUESTION = "What period has Comet Quill?"
MODEL = ModelStatus("chat", "tiny at localhost:1", ModelState.IDLE)
HOSTILE = "<script>alert(1)</script> :red[x] ![a](http://example.com/a.png) [b](http://example.com) $$y$$ <img src=x>"
Events = Callable[[Question], Iterator[AnswerEvent]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CortexSuite]:
    """The samples, with hashed words; no background work."""
    folder = tmp_path_factory.mktemp("ask") / "library"
    session.stop()
    opened = session.start(load_config(folder, {"CORTEX_EMBEDDING_BACKEND": "hashing"}), background=False)
    opened.load_samples()
    yield opened
    session.stop()


@pytest.fixture(autouse=True)
def nothing_kept(library: CortexSuite) -> None:
    for each in library.conversations():
        library.delete_conversation(each.id)


def open_page(**params: str | list[str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "cortex_ui" / "main.py"), default_timeout=60)
    at.run()
    at.switch_page(str(ROOT / "pages" / "Ask.py"))
    for name, value in params.items():
        at.query_params[name.rstrip("_")] = value
    return drawn(at)


def drawn(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception
    return at


def ask(at: AppTest, text: str = QUESTION) -> AppTest:
    """Ask, and look again when the answer is there, as the fragment does."""
    at.chat_input[0].set_value(text).run()
    return settled(at)


def settled(at: AppTest) -> AppTest:
    if "w" in at.query_params:
        writing = ask_writing.get(at.query_params["w"])
        assert writing is not None
        assert writing.ended.wait(30)
    return drawn(at)


def shown(at: AppTest) -> str:
    """Everything on the page that is text, without our own styles and script."""
    kinds = (at.html, at.markdown, at.info, at.warning, at.error, at.subheader)
    parts = [str(each.value) for kind in kinds for each in kind]
    return "\n".join(part for part in parts if not re.search(r"cortexKeys|<style>", part))


def keys(at: AppTest, start: str) -> list[str]:
    return [str(each.key) for each in at.button if str(each.key).startswith(start)]


def written(library: CortexSuite, monkeypatch: pytest.MonkeyPatch, events: Events) -> list[Question]:
    """A model that writes what it is told; gives the questions that reach the engine."""
    asked: list[Question] = []

    def begun(question: Question) -> Generator[AnswerEvent]:
        yield from events(question)

    def answer_events(question: Question) -> AnswerEvents:
        asked.append(question)
        return AnswerEvents(lambda _: begun(question))

    monkeypatch.setattr(library, "answer_events", answer_events)
    monkeypatch.setattr(library, "chat_status", lambda: MODEL)
    return asked


def source_of(library: CortexSuite, words: str, number: int = 1) -> CitedSource:
    """The passage of the samples that holds the words, quoted."""
    hit = next(hit for hit in library.search(words).hits if words in " ".join(hit.text.split()))
    place = hit.text.index(words.split(maxsplit=1)[0])
    return CitedSource(
        number, hit.document_id, hit.document, hit.page, hit.chunk_id, hit.text, words, hit.char_start + place,
        hit.char_start + place + len(words),
    )  # fmt: skip


def kept(
    library: CortexSuite, question: Question, sentences: tuple[AnswerSentence, ...], *sources: CitedSource
) -> Answer:
    """An answer that a model wrote, in the catalog."""
    answer = Answer(
        new_id(), question.conversation_id or new_id(), question.text, question.text, sentences, sources,
        writer=MODEL.name, milliseconds=1200.0,
    )  # fmt: skip
    library._library.catalog.keep_turn(answer, question.filters.collections)
    return answer


class TestQuotes:
    def test_an_answer_in_quotes_each_with_its_place(self, library: CortexSuite) -> None:
        at = ask(open_page())
        assert COMET in shown(at)
        assert "no model is set up to write them" in shown(at)
        (turn,) = library.turns(at.query_params["c"])
        assert "w" not in at.query_params and turn.question == QUESTION
        assert f"{len(turn.sentences)} sentences, quoted word for word" in [each.label for each in at.expander]
        assert len(keys(at, f"source_{turn.turn_id}_")) == len(turn.sentences)

    def test_a_number_opens_the_source_with_that_sentence_marked(self, library: CortexSuite) -> None:
        at = ask(open_page())
        (turn,) = library.turns(at.query_params["c"])
        place = next(place for place, each in enumerate(turn.sentences) if COMET in each.text)
        at.button(key=f"source_{turn.turn_id}_{place}_{turn.sentences[place].citations[0]}").click().run()
        assert at.query_params["hit"] and at.query_params["span"]
        start, end = map(int, at.query_params["span"].split("-"))
        passage = library.passage(at.query_params["hit"]).chunk
        marked = passage.text[start - passage.char_start : end - passage.char_start]
        assert " ".join(marked.split()) == " ".join(turn.sentences[place].text.split())
        assert at.get_by_key("drawer_actions")

    def test_several_turns_and_a_reload(self, library: CortexSuite) -> None:
        at = ask(ask(open_page()), "When does the ferry leave Stonequay?")
        conversation = at.query_params["c"]
        assert [turn.question for turn in library.turns(conversation)] == [
            QUESTION,
            "When does the ferry leave Stonequay?",
        ]
        again = open_page(c=conversation)
        assert COMET in shown(again) and "2 questions" in shown(again)
        assert [each.label for each in again.sidebar.button if str(each.key) == f"conversation_{conversation}"]

    def test_back_from_another_page_it_is_as_it_was_left(self, library: CortexSuite) -> None:
        at = ask(open_page(in_="Samples", mode="traditional"))
        conversation = at.query_params["c"]
        at.switch_page(str(ROOT / "pages" / "Settings.py")).run()
        at.query_params.clear()  # as a browser does when another page is chosen
        at.switch_page(str(ROOT / "pages" / "Ask.py"))
        drawn(at)
        assert at.query_params["c"] == conversation and COMET in shown(at)
        assert at.multiselect(key="ask_in").value == ["Samples"] and at.query_params["mode"] == "traditional"

    def test_examples_ask_with_one_click(self, library: CortexSuite) -> None:
        at = open_page()
        at.button(key="ask_example_0").click().run()
        settled(at)
        assert library.conversations()[0].title == library.sample_questions()[0]


class TestLinks:
    def test_a_question_in_a_link_stands_in_the_box_and_is_not_asked(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = written(library, monkeypatch, lambda _: iter(()))
        at = open_page(q=QUESTION, in_="Samples")
        assert at.chat_input[0].proto.value == QUESTION and at.chat_input[0].proto.set_value
        drawn(at)
        assert asked == []
        at.chat_input[0].set_value(QUESTION).run()
        settled(at)
        assert [(each.text, each.filters.collections) for each in asked] == [(QUESTION, ("Samples",))]
        assert "q" not in at.query_params

    def test_what_a_link_asks_for_and_is_not_there_is_told(self, library: CortexSuite) -> None:
        at = open_page(c="nothing", in_=["Nowhere", HOSTILE], mode="telepathy")
        told = "\n".join(each.value for each in at.info).replace("\\", "")
        assert "conversation of this link is not there" in told and "Nowhere" in told and "telepathy" in told
        assert not markup(at)
        assert dict(at.query_params.items()) == {}

    def test_collections_and_mode_go_with_the_question(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = written(library, monkeypatch, lambda _: iter(()))
        at = open_page()
        at.multiselect(key="ask_in").set_value(["Samples"]).run()
        at.segmented_control(key="ask_mode").set_value("graphrag").run()
        at.slider(key="ask_sources").set_value(3).run()
        at.toggle(key="ask_quotes").set_value(True).run()
        assert at.query_params["in"] == "Samples" and "nothing is sent to a model" in shown(at)
        ask(at)
        (question,) = asked
        assert (question.filters.collections, question.mode, question.sources, question.extractive) == (
            ("Samples",), SearchMode.GRAPHRAG, 3, True,
        )  # fmt: skip


class TestWriting:
    def test_a_model_is_named_and_each_sentence_marked(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = source_of(library, COMET)
        sentences = (
            AnswerSentence(COMET + ".", (1,), Proof.QUOTED, proved_by=(1,)),
            AnswerSentence("\n\nIt returns.", (1,), Proof.SUPPORTED, 0.83, proved_by=(1,)),
            AnswerSentence(HOSTILE, (), Proof.UNVERIFIED, reason="It cites no source."),
        )

        def events(question: Question) -> Iterator[AnswerEvent]:
            yield AnswerEvent(answer=kept(library, question, sentences, source))

        written(library, monkeypatch, events)
        at = open_page()
        assert "sent to tiny at localhost:1" in shown(at)
        ask(at)
        text = shown(at)
        assert 'aria-label="quoted"' in text and 'aria-label="supported"' in text
        assert "Unverified: It cites no source." in text and ">unverified</span>" in text
        assert "2 of 3 sentences are borne out by their sources" in [each.label for each in at.expander]
        assert "<br><br>" in text
        assert "Written by tiny at localhost:1" in text
        assert "&lt;script&gt;" in text and not markup(at)
        (turn,) = library.turns(at.query_params["c"])
        assert keys(at, f"cite_{turn.turn_id}_") == [f"cite_{turn.turn_id}_{place}_1" for place in (0, 1)]
        assert (COMET + ". [1]") in at.code[0].value and "(unverified)" in at.code[0].value

    def test_unchecked_text_is_shown_as_it_comes_and_stopped(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go_on, closed = threading.Event(), threading.Event()

        def events(question: Question) -> Iterator[AnswerEvent]:
            try:
                yield AnswerEvent(status="Writing…")
                yield AnswerEvent(text=f"It came [1] {HOSTILE}")
                go_on.wait(30)
                yield AnswerEvent(text=" and more")
            finally:
                closed.set()

        written(library, monkeypatch, events)
        at = open_page()
        at.chat_input[0].set_value(QUESTION).run()
        drawn(at)
        assert "Writing…" in shown(at) and '<span class="cx-number">1</span>' in shown(at)
        assert "&lt;script&gt;" in shown(at) and not markup(at)
        other = open_page(w=at.query_params["w"])  # a reload, or somebody else
        assert "It came" in shown(other)
        at.chat_input[0].set_value("Another one?").run()
        assert at.chat_input[0].proto.value == "Another one?"
        at.button(key="ask_stop").click().run()
        go_on.set()
        assert closed.wait(30)
        drawn(at)
        assert "You stopped this answer" in at.warning[0].value and "It came" in shown(at)
        assert library.conversations() == []
        at.button(key="ask_edit").click().run()
        assert at.chat_input[0].proto.value == QUESTION and "w" not in at.query_params

    def test_what_goes_wrong_is_told_and_can_be_tried_again(
        self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong: list[Exception] = [ModelUnavailableError("The endpoint <b>broke</b> off."), RuntimeError("a defect")]

        def events(question: Question) -> Iterator[AnswerEvent]:
            if wrong:
                raise wrong.pop(0)
            yield AnswerEvent(answer=kept(library, question, (AnswerSentence("Good.", (), Proof.UNVERIFIED),)))

        asked = written(library, monkeypatch, events)
        at = ask(open_page(in_="Samples"))
        assert "broke" in at.error[0].value and QUESTION in shown(at)
        at.button(key="ask_again").click().run()
        settled(at)
        assert "RuntimeError" in at.error[0].value and QUESTION in shown(at)
        at.button(key="ask_again").click().run()
        settled(at)
        assert not at.error and "Good." in shown(at)
        assert asked == [asked[0]] * 3

    def test_an_iterator_that_ends_early_is_told(self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
        written(library, monkeypatch, lambda _: iter([AnswerEvent(text="Half")]))
        at = ask(open_page())
        assert "ended before it was whole" in at.error[0].value and "Half" in shown(at)

    def test_notes_of_an_answer_are_shown(self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
        def events(question: Question) -> Iterator[AnswerEvent]:
            before = question.conversation_id or kept(library, question, ()).conversation_id
            made = Answer(
                new_id(), before, question.text, f"{question.text} <b>Comet</b>",
                (AnswerSentence(COMET, (1,), Proof.QUOTED),), (source_of(library, COMET),), writer="quotes",
                notes=("The endpoint was not there, so sentences are quoted.",),
            )  # fmt: skip
            library._library.catalog.keep_turn(made, ())
            yield AnswerEvent(answer=made)

        asked = written(library, monkeypatch, events)
        at = ask(open_page())
        assert "was not there" in at.info[0].value
        assert "Searched for" in shown(at) and "&lt;b&gt;Comet" in shown(at)
        at.button(key=keys(at, "again_")[0]).click().run()
        settled(at)
        assert [each.text for each in asked] == [QUESTION, QUESTION]
        assert len(library.turns(at.query_params["c"])) == 3


class TestNotInTheLibrary:
    def test_the_nearest_misses_and_ways_on(self, library: CortexSuite, monkeypatch: pytest.MonkeyPatch) -> None:
        source = replace(source_of(library, COMET), quote="")

        def events(question: Question) -> Iterator[AnswerEvent]:
            made = kept(library, question, (), source)
            made = replace(made, turn_id=new_id(), abstained=True, conversation_id=made.conversation_id)
            library._library.catalog.keep_turn(made, question.filters.collections)
            yield AnswerEvent(answer=made)

        asked = written(library, monkeypatch, events)
        at = ask(open_page(in_="Samples"))
        assert [each.value for each in at.subheader] == ["Not in the chosen collections"]
        assert "observatory-annual-report.pdf" in shown(at)
        at.button(key=keys(at, "open_miss_")[0]).click().run()
        assert at.query_params["hit"] == source.chunk_id and "span" not in at.query_params
        at.button(key=keys(at, "everywhere_")[0]).click().run()
        settled(at)
        assert [each.filters.collections for each in asked] == [("Samples",), ()]


class TestConversations:
    def test_rename_new_and_delete(self, library: CortexSuite) -> None:
        at = ask(open_page())
        conversation = at.query_params["c"]
        at.button(key="ask_rename").click().run()
        at.text_input(key=f"ask_title_{conversation}").set_value(f"Comets {HOSTILE}"[:90])
        at.button(key="ask_rename_send").click().run()
        assert library.conversations()[0].title.startswith("Comets")
        assert not markup(at)
        at.button(key="ask_new").click().run()
        assert "c" not in at.query_params and "Try one of these" in shown(at)
        at.button(key=f"conversation_{conversation}").click().run()
        assert at.query_params["c"] == conversation and COMET in shown(at)
        at.button(key="ask_delete").click().run()
        assert library.conversations()  # nothing goes before it is confirmed
        at.button(key="ask_delete_send").click().run()
        assert library.conversations() == [] and "c" not in at.query_params

    def test_a_conversation_comes_with_its_collections(self, library: CortexSuite) -> None:
        conversation = ask(open_page(in_="Samples")).query_params["c"]
        assert open_page(c=conversation).multiselect(key="ask_in").value == ["Samples"]

    def test_one_that_was_deleted_meanwhile(self, library: CortexSuite) -> None:
        at = ask(open_page())
        library.delete_conversation(at.query_params["c"])
        drawn(at)
        assert "Try one of these" in shown(at)
        ask(at)  # not in the conversation that is gone
        assert COMET in shown(at) and not at.error
        assert [each.id for each in library.conversations()] == [at.query_params["c"]]


def markup(at: AppTest) -> list[str]:
    """Pieces of HTML, and Markdown that is not escaped, in which something of the hostile text came through."""
    html = [str(each.value) for each in at.html if not re.search(r"cortexKeys|<style>", str(each.value))]
    marked = [str(each.value) for kind in (at.markdown, at.info, at.warning, at.error) for each in kind]
    labels = [f"{each.label} {each.help}" for each in at.button] + [str(each.label) for each in at.expander]
    found = [each for each in html if re.search(r"<(script|img|style|iframe|a\b)", each.lower())]
    return found + [each for each in marked + labels if re.search(r"(?<!\\)<(script|img)|:red\[x|\]\(http", each)]
