"""What people filled into the form fields of a PDF page: it is not part of the page's text layer."""

from __future__ import annotations

import ctypes
from typing import Any

from cortex_engine.parsing.builder import one_line
from cortex_engine.parsing.layout import Rectangle, Segment, Word
from cortex_engine.parsing.pdf_text import turn

_VALUE_BYTES = 20_000
_FIELDS_PER_PAGE = 2_000
_NO_SIZE = 0.1
"""A field's height says nothing about its letters: it must never look like a heading."""


def field_segments(pdf: Any, page: Any) -> list[Segment]:
    """One segment for each filled text, choice or combination field, in the order of the page's annotations."""
    import pypdfium2.raw as pdfium

    if not pdf.formenv:
        return []
    kinds = {pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX}
    segments: list[Segment] = []
    for index in range(min(_FIELDS_PER_PAGE, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET:
                continue
            if pdfium.FPDFAnnot_GetFormFieldType(pdf.formenv, annotation) in kinds:
                segment = _segment(pdfium, pdf.formenv, annotation, page)
                segments += [segment] if segment else []
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return segments


def _segment(pdfium: Any, formenv: Any, annotation: Any, page: Any) -> Segment | None:
    buffer = (pdfium.FPDF_WCHAR * (_VALUE_BYTES // 2))()
    length = pdfium.FPDFAnnot_GetFormFieldValue(formenv, annotation, buffer, _VALUE_BYTES)
    value = one_line(bytes(buffer)[: max(0, min(length, _VALUE_BYTES) - 2)].decode("utf-16-le", "replace"))
    rect = pdfium.FS_RECTF()
    if not value or not pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rect)):
        return None
    box = _fractions(rect, page)
    words = [Word(text, box) for text in value.split(" ")]
    return Segment(words, *box, size=_NO_SIZE)


def _fractions(rect: Any, page: Any) -> Rectangle:
    left, bottom, right, top = page.get_bbox()
    width, height = max(right - left, 1e-3), max(top - bottom, 1e-3)
    x0, x1 = sorted((rect.left, rect.right))
    y0, y1 = sorted((rect.bottom, rect.top))
    unturned = ((x0 - left) / width, (top - y1) / height, (x1 - left) / width, (top - y0) / height)
    a, b, c, d = (min(1.0, max(0.0, value)) for value in turn(unturned, page.get_rotation() // 90))
    return (a, b, c, d)
