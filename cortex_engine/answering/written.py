"""An answer that a chat model writes, and its check."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import replace

from cortex_engine.answering import passages
from cortex_engine.answering.passages import SPLITTERS, Found
from cortex_engine.answering.stopping import Stop
from cortex_engine.core.answers import Answer, AnswerEvent, ChatModel, Proof
from cortex_engine.core.errors import CortexError, ModelUnavailableError
from cortex_engine.core.protocols import Embedder
from cortex_engine.generation import marks, prompting, proving, supporting
from cortex_engine.generation.commanding import commands_a_model
from cortex_engine.generation.thoughts import answered
from cortex_engine.library import Library
from cortex_engine.retrieval.function_words import likely_language

_NO_ANSWER = "{} found no answer in these passages."
_NOTHING_PROVED = (
    "No sentence of this answer could be verified against its passages: take it for what the model says, not for what your "
    "documents say."
)
_ORDERS = "Passage {} holds orders to a language model. They were given to it as text, and nothing rests on them."
_bounds: dict[str, float] = {}
_measuring = threading.Lock()


def written(
    library: Library, made: Answer, found: Found, model: ChatModel, notes: list[str], stop: Stop
) -> Generator[AnswerEvent, None, Answer | None]:
    """The model's answer, checked; None where nothing came of it (`notes` then say why quotes are taken).

    Raises:
        Stopped: on the way.
    """
    yield AnswerEvent(status="Writing…")
    config, text, failure = library.config, "", ""
    pieces = model.stream(
        prompting.ask_messages(made.searched, found.sources), config.answer_max_tokens, config.answer_temperature
    )
    with stop.waking(pieces.close):
        try:
            for piece in _without_refusal(pieces):
                if piece:
                    text += piece
                    yield AnswerEvent(text=piece)
        except ModelUnavailableError as error:
            failure = str(error)
        except _Refusal:
            text = prompting.NOT_FOUND
    text = answered(text)
    if _is_refusal(text):
        notes.append(_NO_ANSWER.format(model.name))
        return replace(made, abstained=True, writer=model.name)
    text = text.replace(prompting.NOT_FOUND, " ")
    told = marks.statements(text, SPLITTERS.sentences)
    if not told or _is_page(text):
        failure = failure or f"The chat model {model.name} gave an answer that makes no sense."
        notes.append(f"{failure} The best sentences are quoted instead.")
        return None
    if failure:
        notes.append(f"{failure} What had come until then is shown.")
    yield AnswerEvent(status="Checking…")
    return _checked(library, replace(made, writer=model.name), found, told, notes)


class _Refusal(Exception):  # noqa: N818  (caught above)
    """The model says that the passages do not answer."""


def _without_refusal(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces; what may be the word for "no answer" is held back until that is known.

    Raises:
        _Refusal: the whole answer is that word.
    """
    held = ""
    for piece in pieces:
        held += piece
        if not _may_refuse(held):
            yield held
            yield from pieces
            return
    if _is_refusal(held):
        raise _Refusal
    yield held


def _is_refusal(text: str) -> bool:
    """Whether a whole answer is the word for "no answer"."""
    return _plain(text) == prompting.NOT_FOUND


def _plain(text: str) -> str:
    return text.strip(" \t\n\"'*`.[]")


def _may_refuse(text: str) -> bool:
    """Whether an answer that begins so may be the word for "no answer", and nothing more."""
    return prompting.NOT_FOUND.startswith(_plain(text))


def _is_page(text: str) -> bool:
    """Whether an answer is a web page or an object of an API rather than sentences."""
    opening = text.lstrip()[:200].casefold()
    return opening.startswith(("<!doctype", "<html", "<?xml", "{", "[{")) or "<body" in opening


def _checked(library: Library, made: Answer, found: Found, told: list[marks.Statement], notes: list[str]) -> Answer:
    pieces = passages.sentences_of(found.sources, found.contexts)
    evidence = proving.evidence(found.sources, found.contexts, pieces)
    language = likely_language(" ".join(each.text for each in told))
    try:
        embedder, bound = _model(library, made)
        prover = proving.Prover(evidence, embedder, bound, language, SPLITTERS.clauses)
        checked = prover.check(made.searched, told)
    except CortexError as error:
        notes.append(f"{error} Only quotations could be checked.")
        checked = proving.Prover(evidence, None, 1.0, language, SPLITTERS.clauses).check(made.searched, told)
    if all(each.proof is Proof.UNVERIFIED for each in checked.sentences):
        notes.append(_NOTHING_PROVED)
    cited = {number for each in told for number in each.cited}
    ordering = dict.fromkeys(each.source for each in pieces if each.source in cited and commands_a_model(each.text))
    notes += [_ORDERS.format(number) for number in ordering]
    return replace(made, sentences=checked.sentences, sources=passages.with_quotes(made.sources, checked.quoted))


def _model(library: Library, made: Answer) -> tuple[Embedder, float]:
    """What compares meanings, and from which cosine on a passage bears out a statement.

    Raises:
        CortexError: it cannot be used.
    """
    embedder = passages.embedder_of(library, made.sources)
    identity = embedder.spec.id
    with _measuring:
        if identity not in _bounds:
            _bounds[identity] = supporting.measure(embedder).bound
    return embedder, _bounds[identity]
