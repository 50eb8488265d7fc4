"""Follow-up questions made to stand by themselves: "and when did she die?" names nobody that a search could find."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cortex_engine.core.answers import ChatMessage
from cortex_engine.generation.extractive import Terms
from cortex_engine.generation.prompting import without_controls

_POINTING_WORDS = (
    "he she it they him her his hers its their theirs them there "
    "er sie es ihn ihm ihr ihre ihren ihrem ihrer sein seine seinen seinem seiner dort dafür davon damit darin dazu "
    "il elle ils elles lui leur leurs cela ça él ella ellos ellas su sus eso esto ello lei loro essa esso"
)
_POINTING = frozenset(_POINTING_WORDS.split())
"""Words that point at what was said before."""
_NEAR_WORDS = "this that these those one ones dieser diese dieses diesen diesem jener jene ce cet cette ceux"
_SOMETIMES = frozenset(_NEAR_WORDS.split())
"""The same where the question holds little else."""
_GOING_ON = re.compile(
    r"^\s*(?:and|but|so|then|what about|how about|why|und|aber|was ist mit|wie steht es|et|mais|y|pero|e|ma)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:[.,]\d+)*")
_FEW = 2
_MOST_CARRIED = 8
_LONGEST = 400
_TURNS = 4


def leans_on_earlier(question: str, terms: Terms) -> bool:
    """Whether a question cannot be searched without what was asked before it."""
    words = [word.casefold() for word in _WORD.findall(question)]
    own = len(terms(question))
    if own == 0 or any(word in _POINTING for word in words):
        return True
    return own <= _FEW and (_GOING_ON.match(question) is not None or any(word in _SOMETIMES for word in words))


def completed(question: str, before: str, terms: Terms) -> str:
    """The question with the words of the one before it that say what that was about; as it is where it stands by itself.

    Args:
        before: what was searched for the turn before.
    """
    if not leans_on_earlier(question, terms):
        return question
    held = terms(question)
    carried = [word for word in dict.fromkeys(_WORD.findall(before)) if (known := terms(word)) and not known & held]
    return f"{question.strip()} {' '.join(carried[:_MOST_CARRIED])}" if carried else question


def condense_messages(question: str, earlier: Sequence[str]) -> list[ChatMessage]:
    """What a model is asked, to make a follow-up question stand by itself. Only questions are shown to it, no passages."""
    asked = "\n".join(f"- {without_controls(each)[:_LONGEST]}" for each in earlier[-_TURNS:])
    return [
        ChatMessage(
            "system",
            "Rewrite the last question so that it can be understood without the earlier ones: replace pronouns by what they "
            "stand for, add what is left out. Keep its language and meaning. If it stands by itself, repeat it unchanged. "
            "Answer with the question alone.",
        ),
        ChatMessage("user", f"Earlier questions:\n{asked}\n\nLast question:\n{without_controls(question)}"),
    ]


def usable(rewritten: str, question: str, earlier: Sequence[str], terms: Terms) -> str:
    """A model's rewriting where it makes sense, "" where it does not.

    It is one line, loses no word of the question but such as stood in earlier ones, and half of its words at least were asked.
    """
    lines = [line.strip(" \"'“”„") for line in rewritten.splitlines() if line.strip()]
    if len(lines) != 1 or len(lines[0]) > _LONGEST:
        return ""
    known = terms(" ".join([question, *earlier]))
    own = terms(lines[0])
    if not own or not terms(question) <= own | terms(" ".join(earlier)):
        return ""
    return lines[0] if len(own - known) * 2 <= len(own) else ""
