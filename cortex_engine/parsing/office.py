"""Office formats of today: Word, PowerPoint and Excel packages, OpenDocument text."""

from cortex_engine.parsing.office_odt import parse_odt
from cortex_engine.parsing.office_sheets import parse_xlsx
from cortex_engine.parsing.office_slides import parse_pptx
from cortex_engine.parsing.office_text import parse_docx

__all__ = ["parse_docx", "parse_odt", "parse_pptx", "parse_xlsx"]
