"""Citations: what a title holds cannot break the record that it stands in."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cortex_engine.core.citations import cite
from cortex_engine.core.documents import Document, DocumentInfo
from cortex_engine.core.errors import UsageError


def document(name: str = "dpr.pdf", kind: str = "pdf", **info: object) -> Document:
    said = DocumentInfo(kind, **info)  # type: ignore[arg-type]
    return Document("0123456789abcdef" * 2, "0" * 64, name, 1, said, 13, 20, "p", "2026-01-01T00:00:00Z")


PAPER = document(
    title="Dense Passage Retrieval", author="Vladimir Karpukhin; Barlas Oğuz", created="2020-09-30T10:00:00"
)


def test_plain() -> None:
    assert cite(PAPER, 3) == "Vladimir Karpukhin; Barlas Oğuz. Dense Passage Retrieval. 2020-09-30. dpr.pdf, p. 3."
    assert cite(document(), 0) == "dpr.pdf."
    assert cite(document(title="Why?"), 2) == "Why? dpr.pdf, p. 2."
    assert cite(document("a.pptx", "pptx"), 2) == "a.pptx, slide 2."
    assert cite(document("a.md", "markdown"), 1) == "a.md."


def test_bibtex() -> None:
    assert cite(PAPER, 3, "bibtex") == (
        "@misc{karpukhin2020dense-01234567,\n"
        "  author = {Vladimir Karpukhin and Barlas Oğuz},\n"
        "  title = {{Dense Passage Retrieval}},\n"
        "  year = {2020},\n"
        "  howpublished = {dpr.pdf},\n"
        "  pages = {3},\n"
        "}\n"
    )
    report = document(title="50% of $x_1$ & {y}\\", extra=(("company", "Ash & Co"),))
    written = cite(report, 0, "bibtex")
    assert written.startswith("@techreport{")
    assert r"title = {{50\% of \$x\_1\$ \& \textbraceleft{}y\textbraceright{}\textbackslash{}}}" in written
    assert r"institution = {{Ash \& Co}}" in written


def test_ris() -> None:
    assert cite(PAPER, 3, "ris").split("\r\n") == [
        "TY  - RPRT",
        "ID  - karpukhin2020dense-01234567",
        "TI  - Dense Passage Retrieval",
        "AU  - Vladimir Karpukhin",
        "AU  - Barlas Oğuz",
        "PY  - 2020",
        "DA  - 2020/09/30/",
        "SP  - 3",
        "N1  - dpr.pdf",
        "ER  - ",
        "",
    ]


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(UsageError, match="no citation style 'apa'. Use one of: plain, bibtex, ris"):
        cite(PAPER, 0, "apa")


HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(), st.sampled_from('\n\r\t\x0b\x0c\x1c\x85\u2028\u2029\x00{}\\@,="%#&$~^_-; \u202eERTY')
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
@example("}\n@misc{x,", "A}; {B", "}}.pdf", "2020\nER  - ")
@example("\\", "\\}", "{\\{", "{")
@example("x\r\nER  - \r\nTY  - GEN", "y\u2028AU  - z", "n\x85ER  - ", "\x0b")
def test_nothing_breaks_a_record(title: str, author: str, name: str, date: str) -> None:
    paper = document(name or "n", title=title, author=author, created=date, extra=(("publisher", title),))
    plain = cite(paper, 3)
    assert len(plain.splitlines()) <= 1
    written = cite(paper, 3, "bibtex")
    depth = 0
    for index, letter in enumerate(written):  # as BibTeX reads: a backslash protects no brace
        depth += (letter == "{") - (letter == "}")
        assert depth > 0 or index < written.index("{") or index >= len(written) - 2
    assert depth == 0
    lines = written.splitlines()
    assert re.fullmatch(r"@(misc|techreport)\{[a-z0-9]*-[0-9a-f]+,", lines[0])
    assert all(re.fullmatch(r"  [a-z]+ = \{.*\},", line) for line in lines[1:-1])
    assert lines[-1] == "}"
    assert not re.search(r"(?<!\\)[%#&$_]", "\n".join(lines[1:]))
    record = cite(paper, 3, "ris")
    rows = record.split("\r\n")
    assert rows[0].startswith("TY  - ") and rows[-2:] == ["ER  - ", ""]
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]  - \S.*", row) for row in rows[:-2])
    assert [row for row in rows if row.startswith(("TY  -", "ER  -"))] == [rows[0], rows[-2]]
    assert all(len(row.splitlines()) <= 1 for row in rows)
    record.encode()
    written.encode()
