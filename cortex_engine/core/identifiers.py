"""Identifiers made from content: ingesting the same bytes twice gives the same ids, whatever the collection."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

_READ_SIZE = 1 << 20


def content_hash(data: bytes) -> str:
    """SHA-256 of the bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits, read in blocks.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_SIZE):
            digest.update(block)
    return digest.hexdigest()


def document_id(sha256: str) -> str:
    """The id of the document with these bytes: the first 32 digits of their SHA-256 (128 bits)."""
    return sha256[:32]


def chunk_id(document: str, char_start: int, char_end: int, embedded_text: str) -> str:
    """The id of a passage: 32 hexadecimal digits over its document, its character range and what was embedded."""
    key = f"{document}\x00{char_start}\x00{char_end}\x00{embedded_text}"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def picture_id(document: str, page: int) -> str:
    """The id of a picture: 32 hexadecimal digits over its document and page; never that of a passage."""
    return hashlib.sha256(f"picture\x00{document}\x00{page}".encode()).hexdigest()[:32]


def entity_id(folded_name: str) -> str:
    """The id of an entity: 32 hexadecimal digits over its folded name (`names.fold`)."""
    return hashlib.sha256(f"entity\x00{folded_name}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def text_hash(text: str) -> str:
    """SHA-256 of a text as UTF-8, 64 hexadecimal digits: the key under which an embedding can be used again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def new_id() -> str:
    """A random id of 16 hexadecimal digits, for things that have no content (jobs, collections)."""
    return secrets.token_hex(8)
