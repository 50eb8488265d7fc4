"""A question among others: what is searched for, so that it needs none of them."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_engine.answering.passages import content_words
from cortex_engine.answering.stopping import Stop
from cortex_engine.core.answers import Answer, ChatModel
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.generation import condensing
from cortex_engine.generation.thoughts import answered

_TOKENS = 120


def standing_alone(
    question: str, turns: Sequence[Answer], model: ChatModel | None, notes: list[str], stop: Stop
) -> str:
    """The question as it is searched for; the model's failure, where it was asked, is told in `notes`.

    Raises:
        Stopped: on the way.
    """
    if not turns:
        return question
    terms = content_words(question)
    by_words = condensing.completed(question, turns[-1].searched or turns[-1].question, terms)
    if model is None:
        return by_words
    earlier = [turn.searched or turn.question for turn in turns]
    pieces = model.stream(condensing.condense_messages(question, earlier), _TOKENS)  # a stream can be hung up
    told, why = "", f"{model.name} did not make a question of it."
    with stop.waking(pieces.close):
        try:
            for piece in pieces:
                told += piece
        except ModelUnavailableError as error:
            told, why = "", why if told else str(error)
    told = answered(told).strip()
    rewritten = condensing.usable(told, question, earlier, terms)
    if not rewritten and by_words != question:
        notes.append(f"The question was completed by words of the one before it. {why}")
    return rewritten or by_words
