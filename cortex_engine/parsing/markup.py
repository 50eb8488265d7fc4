"""Markup formats: HTML, Markdown and XML."""

from cortex_engine.parsing.markup_html import parse_html
from cortex_engine.parsing.markup_markdown import parse_markdown
from cortex_engine.parsing.markup_xml import parse_xml

__all__ = ["parse_html", "parse_markdown", "parse_xml"]
