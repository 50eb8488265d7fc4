"""A conversation as Markdown: questions, answers with numbered citations, sources with document, page and quote.

Everything that people, models or documents wrote is escaped: it shows as text, whatever it holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from cortex_engine.core.answers import Answer, AnswerSentence, CitedSource, Proof

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$&:@=^\"'])")
_MISSING = "*Not in your library.*"
_NEAREST = "The nearest passages:"


def conversation_markdown(title: str, turns: Sequence[Answer]) -> str:
    """The whole conversation, CommonMark.

    >>> print(conversation_markdown("<b>", ()))
    # \\<b\\>
    <BLANKLINE>
    """
    parts = [f"# {escaped(title)}", *(_turn(turn) for turn in turns)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """A text on one line in which nothing is markup, link or code. Control characters go."""
    plain = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
    )
    return _SPECIAL.sub(r"\\\1", " ".join(plain.split()))


def _turn(turn: Answer) -> str:
    lines = [f"## {escaped(turn.question)}"]
    if turn.searched and turn.searched != turn.question:
        lines.append(f"Searched: {escaped(turn.searched)}")
    lines += [_MISSING] if turn.abstained else _paragraphs(turn.sentences)
    lines += [f"> Note: {escaped(note)}" for note in turn.notes]
    if turn.abstained and turn.sources:
        lines.append(_NEAREST)
    cited = {number for sentence in turn.sentences for number in sentence.citations}
    shown = [source for source in turn.sources if turn.abstained or source.number in cited]
    if shown:
        lines.append("\n".join(_source(source, turn.abstained) for source in shown))
    how = "quoted" if turn.writer == "quotes" else f"written by {turn.writer}" if turn.writer else ""
    facts = [fact for fact in (how, turn.asked) if fact]
    lines.append(f"*{escaped(', '.join(facts))}*" if facts else "")
    return "\n\n".join(line for line in lines if line)


def _paragraphs(sentences: Sequence[AnswerSentence]) -> list[str]:
    paragraphs: list[list[str]] = []
    for sentence in sentences:
        if not paragraphs or sentence.text.startswith("\n"):
            paragraphs.append([])
        paragraphs[-1].append(_sentence(sentence))
    return [" ".join(each) for each in paragraphs]


def _sentence(sentence: AnswerSentence) -> str:
    marks = "".join(rf"\[{number}\]" for number in sentence.citations)
    doubt = f"*(unverified: {escaped(sentence.reason)})*" if sentence.proof is Proof.UNVERIFIED else ""
    return " ".join(part for part in (escaped(sentence.text), marks, doubt) if part)


def _source(source: CitedSource, whole: bool) -> str:
    quote = source.quote or (source.text[:300] if whole else "")
    said = f": “{escaped(quote)}”" if quote else ""
    return rf"- \[{source.number}\] {escaped(source.document)}, page {source.page}{said}"
