"""Documents, their pages, pictures and originals."""

from __future__ import annotations

import io
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from cortex_engine.api.answers import Refused
from cortex_engine.api.calls import READ, WRITE, Asked, DocumentId, Limit, Name, Offset, PageNumber, Suite, Text
from cortex_engine.api.shapes import Deleted, Document, Documents, Ledger, Removal
from cortex_engine.core.documents import PAGE_BREAK, PagePicture, PageState
from cortex_engine.core.errors import NotFoundError
from cortex_engine.core.search import Filters

router = APIRouter(prefix="/v1/documents", tags=["documents"])

Order = Literal["name", "added", "size", "pages", "type"]
Several = Annotated[list[Name], Query(max_length=100)]
Width = Annotated[int, Query(ge=64, le=2048)]
Position = Annotated[int, Query(ge=0, le=1_000_000_000)]
_PICTURE: dict[int | str, dict[str, object]] = {200: {"content": {"image/webp": {}}, "description": "The picture."}}


class Change(Asked):
    """Metadata to set; what is left out stays. What the file itself said is kept."""

    name: Name | None = None
    title: Text | None = None
    author: Text | None = None
    date: Text | None = None
    language: Text | None = None


class TagsAsked(Asked):
    """The tags that a document is to have."""

    tags: Annotated[list[Name], Field(max_length=100)]


class TagChange(Asked):
    """Tags to add and to take away."""

    add: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    remove: Annotated[tuple[Name, ...], Field(max_length=100)] = ()


class PageText(BaseModel):
    """The text of one page. `char_start`: where it begins in the document's text."""

    number: int
    last: int
    label: str
    state: PageState
    reason: str
    char_start: int
    text: str


@router.get("", dependencies=READ)
def list_documents(
    suite: Suite,
    collection: Several = [],  # noqa: B006  (FastAPI copies defaults)
    type: Several = [],  # noqa: B006
    language: Several = [],  # noqa: B006
    tag: Several = [],  # noqa: B006
    title: Text = "",
    date_from: Text = "",
    date_to: Text = "",
    order: Order = "name",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Documents:
    """A page of the documents that meet the filters."""
    filters = Filters(
        collections=tuple(collection),
        types=tuple(type),
        languages=tuple(language),
        tags=tuple(tag),
        title=title,
        date_from=date_from,
        date_to=date_to,
    )
    rows = suite.documents(filters, limit, offset, order)
    return Documents(total=suite.count_documents(filters), documents=[Document.of(row) for row in rows])


@router.get("/{document_id}", dependencies=READ)
def get_document(document_id: DocumentId, suite: Suite) -> Document:
    """One document."""
    return Document.of(suite.document(document_id))


@router.patch("/{document_id}", dependencies=WRITE)
def change_document(document_id: DocumentId, asked: Change, suite: Suite) -> Document:
    """Correct a document's metadata."""
    changed = suite.set_metadata(
        document_id,
        name=asked.name,
        title=asked.title,
        author=asked.author,
        date=asked.date,
        language=asked.language,
    )
    return Document.of(changed)


@router.put("/{document_id}/tags", dependencies=WRITE)
def set_tags(document_id: DocumentId, asked: TagsAsked, suite: Suite) -> Document:
    """Replace a document's tags."""
    return Document.of(suite.set_tags(document_id, asked.tags))


@router.patch("/{document_id}/tags", dependencies=WRITE)
def change_tags(document_id: DocumentId, asked: TagChange, suite: Suite) -> Document:
    """Add tags and take tags away."""
    if asked.add:
        suite.add_tags([document_id], asked.add)
    if asked.remove:
        suite.remove_tags([document_id], asked.remove)
    return Document.of(suite.document(document_id))


@router.get("/{document_id}/removal", dependencies=READ)
def preview_removal(document_id: DocumentId, suite: Suite) -> Removal:
    """What would go if the document were deleted."""
    return Removal.of(suite.documents_removal([document_id]))


@router.delete("/{document_id}", dependencies=WRITE)
def delete_document(document_id: DocumentId, suite: Suite) -> Deleted:
    """Delete a document, and what it contained."""
    return Deleted(deleted=suite.delete_documents([document_id]))


@router.get("/{document_id}/ledger", dependencies=READ)
def ledger(document_id: DocumentId, suite: Suite) -> Ledger:
    """The account of a document: nothing may be missing."""
    return Ledger.of(suite.ledger([document_id])[0])


@router.get("/{document_id}/original", dependencies=READ, response_class=FileResponse)
def original(document_id: DocumentId, suite: Suite) -> FileResponse:
    """The original file, always as a download, whatever it holds."""
    document = suite.document(document_id)
    return FileResponse(
        suite.original(document_id),
        media_type="application/octet-stream",
        headers={"content-disposition": disposition(document.name)},
    )


def disposition(name: str) -> str:
    """A header that saves under the file's own name; nothing in the name can end it or lead into a folder."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in last if each.isprintable()).strip(". ")[:150] or "document"
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._- ") else "_" for each in shown)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}"


@router.get("/{document_id}/thumbnail.webp", dependencies=READ, response_class=Response, responses=_PICTURE)
def thumbnail(
    document_id: DocumentId,
    suite: Suite,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    width: Annotated[int, Query(ge=32, le=640)] = 320,
) -> Response:
    """A small picture of a page; 404 where the format has no pages to draw."""
    return _picture(suite.thumbnail(document_id, page, width))


@router.get("/{document_id}/pages/{number}.webp", dependencies=READ, response_class=Response, responses=_PICTURE)
def page_picture(
    document_id: DocumentId,
    number: PageNumber,
    suite: Suite,
    char_start: Position = 0,
    char_end: Position = 0,
    query: Text = "",
    width: Width = 1024,
) -> Response:
    """A page as a picture, with a passage (a range of the document's characters) and the words of a query marked."""
    return _picture(suite.page_view(document_id, number, char_start, char_end, query, width).picture)


def _picture(picture: PagePicture | None) -> Response:
    if picture is None:
        raise Refused(404, "no_picture", "This document has no page that can be drawn.")
    data = picture.data if picture.mime == "image/webp" else _as_webp(picture)
    return Response(data, media_type="image/webp", headers={"cache-control": "private, max-age=3600"})


def _as_webp(picture: PagePicture) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    with Image.open(io.BytesIO(picture.data), formats=("JPEG", "PNG")) as opened:
        opened.convert("RGB").save(target, "WEBP", quality=86, method=2)
    return target.getvalue()


@router.get("/{document_id}/pages/{number}", dependencies=READ)
def page_text(document_id: DocumentId, number: PageNumber, suite: Suite) -> PageText:
    """The text of a page."""
    pages = suite.pages(document_id)
    if number > len(pages):
        raise NotFoundError(f"There is no such page; the last is page {len(pages)}.")
    page = pages[number - 1]
    return PageText(
        number=number,
        last=len(pages),
        label=page.label,
        state=page.state,
        reason=page.reason,
        char_start=sum(len(each.text) + len(PAGE_BREAK) for each in pages[: number - 1]),
        text=page.text,
    )
