"""Make the sample documents, and with --vectors the vectors of their passages.

    python scripts/make_samples.py              writes cortex_engine/samples/documents (needs reportlab)
    python scripts/make_samples.py --vectors    parses, cuts and embeds them, and writes vectors.npz

The same bytes come out each time: dates, ids and noise are fixed. Markdown, HTML and plain texts are their own source.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import sample_world as world

if TYPE_CHECKING:
    from cortex_engine.core.protocols import Embedder

SAMPLES = Path(__file__).resolve().parent.parent / "cortex_engine" / "samples"
DOCUMENTS = SAMPLES / "documents"
MADE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
AUTHOR = "Cortex Suite samples"


def main() -> None:
    """Make what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", action="store_true", help="embed the passages instead of making the documents")
    if parser.parse_args().vectors:
        make_vectors()
        return
    DOCUMENTS.mkdir(parents=True, exist_ok=True)
    for make in (report, catalogue, tides, tour, mail, scan, poster):
        path = make()
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def report() -> Path:
    """PDF with headings and a table."""
    from reportlab.lib.pagesizes import A5
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    path = DOCUMENTS / "observatory-annual-report.pdf"
    styles = getSampleStyleSheet()
    story = [Paragraph(world.REPORT_TITLE, styles["Title"])]
    for heading, paragraphs in world.REPORT:
        story.append(Paragraph(heading, styles["Heading1"]))
        for text in paragraphs:
            story += [Paragraph(text, styles["BodyText"]), Spacer(1, 6)]
    story.append(Paragraph("7 Income and expenses", styles["Heading1"]))
    story += [Table(world.REPORT_TABLE, hAlign="LEFT"), Spacer(1, 6)]
    story.append(Paragraph(world.REPORT_AFTER_TABLE, styles["BodyText"]))
    pdf = SimpleDocTemplate(str(path), pagesize=A5, title=world.REPORT_TITLE, author="Marta Quill", invariant=1)
    pdf.build(story)
    return path


def catalogue() -> Path:
    """Word document with headings and a table."""
    import docx

    document = docx.Document()
    document.add_heading(world.CATALOGUE_TITLE, 0)
    for heading, paragraphs in world.CATALOGUE:
        document.add_heading(heading, 1)
        for text in paragraphs:
            document.add_paragraph(text)
    document.add_heading("Prices and brewing", 1)
    table = document.add_table(rows=0, cols=len(world.CATALOGUE_TABLE[0]))
    for row in world.CATALOGUE_TABLE:
        for cell, value in zip(table.add_row().cells, row, strict=True):
            cell.text = value
    _describe(document.core_properties, world.CATALOGUE_TITLE)
    path = DOCUMENTS / "saltwind-tea-catalogue.docx"
    document.save(str(path))
    return _settle(path)


def tides() -> Path:
    """Workbook with two sheets."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Tides 2025"
    for row in world.TIDES:
        sheet.append(row)
    rain = book.create_sheet("Rain 2025")
    for row in world.RAIN:
        rain.append(row)
    book.properties.title = "Tides and rain on Merrow Island 2025"
    book.properties.creator = AUTHOR
    book.properties.created = MADE.replace(tzinfo=None)
    path = DOCUMENTS / "tides-and-rain-2025.xlsx"
    book.save(path)
    return _settle(path)


def tour() -> Path:
    """Slides with bullets and a note."""
    from pptx import Presentation

    deck = Presentation()
    for title, bullets in world.SLIDES:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(bullets)
    deck.slides[1].notes_slide.notes_text_frame.text = world.SLIDE_NOTES
    _describe(deck.core_properties, world.SLIDES[0][0])
    path = DOCUMENTS / "island-walk.pptx"
    deck.save(str(path))
    return _settle(path)


def mail() -> Path:
    """Message with a table attached."""
    message = EmailMessage()
    message["Subject"] = world.MAIL_SUBJECT
    message["From"] = "Jonas Odell <harbour@merrow.example>"
    message["To"] = "All households <stonequay@merrow.example>"
    message["Date"] = "Sun, 16 Nov 2025 08:12:00 +0000"
    message["Message-ID"] = "<storm-warning-1@merrow.example>"
    message.set_content(world.MAIL_BODY)
    message.add_attachment(world.MAIL_LIST, subtype="csv", filename="damage-last-january.csv")
    message.set_boundary("=====merrow-island=====")
    path = DOCUMENTS / "storm-warning.eml"
    path.write_bytes(message.as_bytes())
    return path


def scan() -> Path:
    """PDF whose only page is a picture: a typed letter, slightly turned and noisy."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    picture = Image.new("L", (1000, 1300), 238)
    ImageDraw.Draw(picture).multiline_text((110, 90), world.LETTER, 45, ImageFont.load_default(30), spacing=14)
    picture = picture.rotate(0.8, resample=Image.Resampling.BICUBIC, fillcolor=238)
    noise = np.random.default_rng(1931).normal(0, 9, (1300, 1000))
    noisy = Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
    data = io.BytesIO()
    noisy.save(data, "JPEG", quality=55)
    data.seek(0)
    path = DOCUMENTS / "keepers-letter-1931-scan.pdf"
    canvas = Canvas(str(path), pagesize=(500, 650), invariant=1)
    canvas.setTitle("Letter of the principal keeper, 1931 (scan)")
    canvas.drawImage(ImageReader(data), 0, 0, 500, 650)
    canvas.showPage()
    canvas.save()
    return path


def poster() -> Path:
    """Picture with text in several sizes."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (900, 1200), (246, 240, 220))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 900, 200), fill=(28, 70, 74))
    hills = [(0, 1020), (220, 860), (400, 960), (640, 800), (900, 980), (900, 1200), (0, 1200)]
    draw.polygon(hills, fill=(122, 148, 96))
    draw.rectangle((0, 1110, 900, 1200), fill=(28, 70, 74))
    top = 65
    for size, line in world.POSTER:
        colour = (246, 240, 220) if top < 200 else (28, 40, 42)
        draw.text((450, top), line, colour, ImageFont.load_default(size), anchor="mt")
        top += size + (130 if top < 200 else 38)
    path = DOCUMENTS / "tea-festival-poster.png"
    picture.quantize(32).save(path, optimize=True)
    return path


def make_vectors() -> None:
    """Embed every passage of the samples through the real line; keep the vectors by the hash of the embedded text.

    The file holds `model_id` (id of the `EmbeddingSpec`), `hashes` (SHA-256 of the embedded text, 64 digits) and
    `vectors` (float32, one row a hash).
    """
    import numpy as np

    from cortex_engine.core.identifiers import text_hash

    embedder, texts, count = _passages()
    vectors = embedder.embed_documents(texts)
    path = SAMPLES / "vectors.npz"
    hashes = np.array([text_hash(text) for text in texts])
    np.savez(path, model_id=np.array(embedder.spec.id), hashes=hashes, vectors=vectors)
    print(f"{path.name}: {len(texts)} passages of {count} documents, {path.stat().st_size:,} bytes")


def _passages() -> tuple[Embedder, list[str], int]:
    """The packaged embedder, the embedded texts of all samples without repetition, and how many documents they are."""
    from cortex_engine.chunking import TextChunker
    from cortex_engine.core.options import ChunkOptions, ParseOptions
    from cortex_engine.embedding.packaged import PackagedEmbedder
    from cortex_engine.parsing.box import ParseBox

    texts: dict[str, None] = {}
    with tempfile.TemporaryDirectory() as folder, ParseBox(ParseOptions()) as box:
        cache = Path(folder)
        embedder = PackagedEmbedder(cache / "models", precision="float32")
        chunker = TextChunker(embedder.tokenizer, embedder.spec.max_tokens, ChunkOptions())
        waiting = [(path, path.name) for path in sorted(DOCUMENTS.iterdir())]
        for count, (path, name) in enumerate(waiting, 1):  # grows while it runs: attachments are documents too
            parsed = box.parse(path, name)
            chunks = chunker.split(str(count), parsed)
            texts.update(dict.fromkeys(chunk.embedded_text for chunk in chunks))
            print(f"{name}: {len(parsed.pages)} pages, {len(chunks)} passages")
            for number, attachment in enumerate(parsed.attachments):
                copy = cache / f"{count}-{number}"
                copy.write_bytes(attachment.data)
                waiting.append((copy, f"{name}/{attachment.name}"))
        embedder.load()
    return embedder, list(texts), len(waiting)


def _describe(properties: object, title: str) -> None:
    for name, value in (("title", title), ("author", AUTHOR), ("created", MADE), ("modified", MADE)):
        stamp = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        setattr(properties, name, stamp)
    setattr(properties, "last_modified_by", AUTHOR)  # noqa: B010


def _settle(path: Path) -> Path:
    """Write an Office package again with fixed times, so that the same bytes come out each time."""
    stamp = MADE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(path) as package:
        members = [(name, package.read(name)) for name in package.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in members:
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, data)  # noqa: PLW2901
            member = zipfile.ZipInfo(name, MADE.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(member, data)
    return path


if __name__ == "__main__":
    main()
