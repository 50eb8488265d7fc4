"""Which function reads which kind of file. The functions are imported inside the box only."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import cast

from cortex_engine.core.documents import ParsedDocument
from cortex_engine.core.options import ParseOptions

FamilyParser = Callable[[Path, str, ParseOptions], ParsedDocument]

AWAITS_OCR = "This page is a picture and waits for OCR."
"""Reason of a FAILED page that a family parser hands to the box's OCR; it never leaves the box."""

OCR_OFF = "This page is a picture, and OCR is switched off."
"""Reason of a BLANK page that OCR would have read."""

OCR_LANGUAGES = frozenset({
    "af", "az", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl",
    "hr", "hu", "id", "is", "it", "ja", "ku", "la", "lb", "lt", "lv", "mi", "ms", "mt", "nl", "no",
    "oc", "pl", "pt", "qu", "rm", "ro", "sk", "sl", "sq", "sv", "sw", "tl", "tr", "uz", "vi", "zh",
})  # fmt: skip
"""ISO 639-1 codes that the OCR models in rapidocr's wheel read, all by one model; others would be a download."""

OCR_MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx")
"""Detector, recogniser, classifier, as rapidocr's wheel brings them."""


def ocr_absence() -> str:
    """Why pictures cannot be read here, as a sentence, or ""; finds out without loading a library."""
    for package in ("rapidocr", "onnxruntime", "cv2"):
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            return f"The package '{package}' is not installed. Install it with: pip install rapidocr onnxruntime"
        if package == "rapidocr":
            models = Path(found.submodule_search_locations[0]) / "models"
            missing = [name for name in OCR_MODELS if not (models / name).is_file()]
            if missing:
                return f"The OCR model {missing[0]} is missing. Install rapidocr 3.10.0 again: its package carries it."
    return ""


_ROOM = "cortex_engine.parsing."

FAMILIES: dict[str, str] = {
    "pdf": "pdf:parse_pdf",
    "image": "images:parse_image",
    "docx": "office:parse_docx",
    "pptx": "office:parse_pptx",
    "xlsx": "office:parse_xlsx",
    "odt": "office:parse_odt",
    "doc": "legacy:parse_doc",
    "xls": "legacy:parse_xls",
    "ppt": "legacy:parse_ppt",
    "rtf": "legacy:parse_rtf",
    "html": "markup:parse_html",
    "markdown": "markup:parse_markdown",
    "xml": "markup:parse_xml",
    "text": "plain:parse_text",
    "csv": "plain:parse_csv",
    "json": "plain:parse_json",
    "eml": "mail:parse_eml",
    "msg": "mail:parse_msg",
    "epub": "archives:parse_epub",
    "zip": "archives:parse_zip",
}

SUPPORTED = (
    "PDF, Word (docx, doc), PowerPoint (pptx, ppt), Excel (xlsx, xls), OpenDocument text (odt), RTF, HTML, Markdown, "
    "plain text, CSV, JSON, XML, e-mail (eml, msg), EPUB, ZIP, and the pictures PNG, JPEG, WebP, TIFF, BMP and GIF"
)

PRELOAD = (
    "numpy",
    "pypdfium2",
    "PIL.Image",
    "PIL.ImageOps",
    "lxml.etree",
    "lxml.html",
    "olefile",
    "zipfile",
    "email.parser",
    "charset_normalizer",
    _ROOM + "worker",
    *sorted({_ROOM + target.partition(":")[0] for target in FAMILIES.values()}),
    _ROOM + "language",
)
"""What the zygote imports before it forks."""


def family_parser(kind: str) -> FamilyParser:
    """The function that reads files of this kind (a key of `FAMILIES`)."""
    module, _, function = FAMILIES[kind].partition(":")
    return cast("FamilyParser", getattr(importlib.import_module(_ROOM + module), function))
