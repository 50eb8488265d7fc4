"""Files for the stories: real ones where the development data is, samples and made ones otherwise."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).parents[3] / "cortex_engine" / "samples" / "documents"


@dataclass(frozen=True)
class Story:
    """Twelve files of a story.

    Attributes:
        files: all of them; `good`: those that go in.
        damaged, duplicate, scan: names of the special ones.
        question: what is asked of the document `answer`, whose page `page` shows `words`.
        scan_question: a question that the scan answers.
    """

    files: tuple[Path, ...]
    damaged: str
    duplicate: str
    scan: str
    question: str
    answer: str
    words: str
    scan_question: str

    @property
    def good(self) -> set[str]:
        """Names of the documents that must be there at the end."""
        return {file.name for file in self.files} - {self.damaged, self.duplicate}


_REAL = (
    "a1977-backus-p21.pdf",
    "contains-pictures.docx",
    "sample-presentation.pptx",
    "xlsx_01.xlsx",
    "wiki.md",
    "norwich-city.txt",
    "fake-email-b64.eml",
    "stanley-cups-utf-16.csv",
)
_SAMPLES = (
    "observatory-annual-report.pdf",
    "saltwind-tea-catalogue.docx",
    "island-walk.pptx",
    "tides-and-rain-2025.xlsx",
    "lighthouse-handbook.md",
    "inselbrief.txt",
    "storm-warning.eml",
    "ferry-timetable.html",
)


def story(folder: Path, data: Path | None) -> Story:
    """Lay out twelve mixed files in a folder: one is damaged, one a duplicate, one a scan."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [data / "documents" / name for name in _REAL] if data else [SAMPLES / name for name in _SAMPLES]
    sources.append(SAMPLES / "keepers-letter-1931-scan.pdf")
    sources.append(SAMPLES / ("observatory-annual-report.pdf" if data else "tea-garden-notes-zh.txt"))
    files = [Path(shutil.copy(source, folder / source.name)) for source in sources]
    duplicate = folder / "the same letter again.pdf"
    shutil.copy(SAMPLES / "keepers-letter-1931-scan.pdf", duplicate)
    damaged = folder / "damaged report.docx"
    damaged.write_bytes((SAMPLES / "saltwind-tea-catalogue.docx").read_bytes()[:3000])
    return Story(
        files=(*files, duplicate, damaged),
        damaged=damaged.name,
        duplicate=duplicate.name,
        scan="keepers-letter-1931-scan.pdf",
        question="Who discovered the comet?",
        answer="observatory-annual-report.pdf",
        words="Marta Quill",
        scan_question="How much paraffin did the new burner consume?",
    )


def numbered(folder: Path, count: int, lines: int = 12) -> list[Path]:
    """So many small documents; each holds a word that occurs in no other (`stationword17x`)."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        text = [
            f"Line {line} of the log stationword{number}x: wind from the west, force {line % 9}, sea state {line % 5}."
            for line in range(lines)
        ]
        file = folder / f"station-{number:03d}.txt"
        file.write_text("\n\n".join(text), encoding="utf-8")
        files.append(file)
    return files


def hostile_page(folder: Path, name: str, text: str) -> Path:
    """A web page with the text as its title, in a paragraph and in a cell of a table."""
    safe = html.escape("".join(letter for letter in text if letter >= " " or letter == "\n"))
    file = folder / name
    file.write_text(
        f"<!doctype html><html><head><title>{safe}</title></head><body><h1>{safe}</h1><p>Before {safe} after.</p>"
        f"<table><tr><th>Remark</th><th>{safe}</th></tr><tr><td>{safe}</td><td>cell</td></tr></table></body></html>",
        encoding="utf-8",
    )
    return file


def hostile_pdf(file: Path, title: str, lines: list[str]) -> Path:
    """A PDF with hostile title, author and keywords and these lines as its text."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(file))
    canvas.setTitle(title)
    canvas.setAuthor(title)
    canvas.setKeywords([title])
    for position, line in enumerate(lines):
        canvas.drawString(40, 800 - 20 * (position % 36), line[:110])
        if position % 36 == 35:
            canvas.showPage()
    canvas.save()
    return file


def hostile_word(file: Path, title: str, texts: list[str]) -> Path:
    """A Word file with these texts as paragraphs and as cells of a table."""
    from docx import Document

    document = Document()
    document.core_properties.title = document.core_properties.author = title
    document.add_heading(one_line(texts[0]))
    for text in texts:
        document.add_paragraph(one_line(text))
    table = document.add_table(rows=1, cols=2)
    for text in texts[:12]:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = one_line(text), "cell"
    document.save(str(file))
    return file


def one_line(text: str) -> str:
    """The text without line ends and without what XML and headers cannot hold."""
    return " ".join("".join(letter for letter in text if letter >= " " or letter in "\n\t").split())
