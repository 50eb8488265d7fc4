"""Office formats of before 2007, and rich text."""

from cortex_engine.parsing.legacy_doc import parse_doc
from cortex_engine.parsing.legacy_ppt import parse_ppt
from cortex_engine.parsing.legacy_rtf import parse_rtf
from cortex_engine.parsing.legacy_xls import parse_xls

__all__ = ["parse_doc", "parse_ppt", "parse_rtf", "parse_xls"]
