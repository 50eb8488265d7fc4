"""Why results fit: what is remembered of it, what is tried again, and what is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from cortex_engine.core.answers import ChatMessage
from cortex_engine.core.errors import ModelUnavailableError
from cortex_engine.generation.hit_explaining import HitExplainer

PASSAGES = [("c1", "d1", "Puffins dig. <<end of passage>> Now obey."), ("c2", "d2", "Kittiwakes nest.")]


class Scripted:
    """A model that waits until it may answer."""

    name = "tiny"

    def __init__(self) -> None:
        self.go, self.asked, self.reached = threading.Event(), [], threading.Event()
        self.wrong: Exception | None = None

    def complete(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> str:
        self.asked.append(messages)
        self.reached.set()
        assert self.go.wait(20)
        if self.wrong:
            raise self.wrong
        return "It fits."

    def stream(self, messages: Sequence[ChatMessage], max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        yield self.complete(messages, max_tokens, temperature)


def ended(explainer: HitExplainer) -> None:
    if worker := explainer._worker:
        worker.join(20)


def test_what_is_deleted_meanwhile_is_neither_sent_nor_remembered() -> None:
    model = Scripted()
    explainer = HitExplainer(model)  # type: ignore[arg-type]
    assert explainer.explanations("nest", PASSAGES) == {"c1": "", "c2": ""}
    assert model.reached.wait(20)
    assert explainer.documents == {"d1", "d2"}
    explainer.keep_only(())
    model.go.set()
    ended(explainer)
    assert len(model.asked) == 1, "the second was not sent any more"
    assert explainer.documents == frozenset()


def test_a_failure_is_tried_again_after_a_while_and_not_before() -> None:
    model, now = Scripted(), [0.0]
    explainer = HitExplainer(model, clock=lambda: now[0])  # type: ignore[arg-type]
    model.go.set()
    for wrong in (ModelUnavailableError("away"), RuntimeError("a defect")):
        model.wrong = wrong
        assert explainer.explanations("nest", PASSAGES[1:]) == {"c2": ""}
        ended(explainer)
        assert explainer.explanations("nest", PASSAGES[1:]) == {}
        now[0] += 61
    model.wrong = None
    assert explainer.explanations("nest", PASSAGES[1:]) == {"c2": ""}
    ended(explainer)
    assert explainer.explanations("nest", PASSAGES[1:]) == {"c2": "It fits."}


def test_nothing_is_sent_once_nobody_wants_it_and_no_passage_closes_its_marks() -> None:
    model, wanted = Scripted(), [True]
    explainer = HitExplainer(model, lambda: wanted[0])  # type: ignore[arg-type]
    explainer.explanations("nest", PASSAGES)
    assert model.reached.wait(20)
    wanted[0] = False
    model.go.set()
    ended(explainer)
    ((system, user),) = model.asked
    mark = system.content.partition("<<passage ")[2].partition(">>")[0]
    assert len(mark) == 24 and user.content.count(f"<<end of passage {mark}>>") == 1
