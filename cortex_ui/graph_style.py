"""Cards, rows and the legend of the knowledge graph: the CSS that the theme cannot say."""

from __future__ import annotations

from cortex_ui import graph_chart, style

_CSS = """
ul.cx-legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.15rem 1.1rem; margin: 0 0 0.3rem; padding: 0;
  font-size: 0.88rem; }
ul.cx-legend li { display: flex; align-items: baseline; gap: 0.4rem; margin: 0; overflow-wrap: anywhere; }
.cx-swatch { display: inline-block; width: 10px; height: 10px; border-radius: 50%; flex: none; }
.cx-entity { font-size: 1.25rem; font-weight: 650; line-height: 1.3; overflow-wrap: anywhere; margin: 0; padding: 0; }
.cx-year { font-weight: 650; font-size: 0.95rem; padding-top: 0.3rem; }
[class*="st-key-proof_"] { position: relative; border-left: 3px solid rgba(99, 102, 241, 0.35);
  padding: 0.1rem 0 0.1rem 0.75rem; }
[class*="st-key-proof_"]:hover { border-left-color: #6366f1; }
[class*="st-key-proof_"] .cx-snippet { font-size: 0.92rem; line-height: 1.5; }
[class*="st-key-proof_"] :is(.stButton, .stElementContainer, .stTooltipIcon, .stTooltipHoverTarget) { position: static; }
[class*="st-key-proof_"] button { position: static; min-height: 0; padding: 0; text-align: left; justify-content: flex-start; }
[class*="st-key-proof_"] button :is(p, div, span) { position: static; font-size: 0.86rem; text-align: left; }
[class*="st-key-proof_"] button::after { content: ""; position: absolute; inset: 0; border-radius: 4px; }
[class*="st-key-proof_"] button:focus-visible { outline: 0; box-shadow: none; }
[class*="st-key-proof_"] button:focus-visible::after { outline: 2px solid #6366f1; outline-offset: 2px; }
[class*="st-key-rows_"] button { min-height: 0; padding: 0.22rem 0; text-align: left; justify-content: flex-start; }
[class*="st-key-rows_"] button p { text-align: left; overflow-wrap: anywhere; }
[class*="st-key-found_"] button { min-height: 0; padding: 0.25rem 0.7rem; }
.st-key-graph_row [data-testid="stColumn"] { min-width: min(300px, 100%); }
.st-key-graph_row [data-testid="stColumn"]:first-child { min-width: min(460px, 100%); }
.st-key-graph_frame { overflow: hidden; }
.cx-nodes { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
.cx-nodes :is(th, td) { text-align: left; vertical-align: top; padding: 0.35rem 0.9rem 0.35rem 0; font-weight: 400; border: 0;
  border-bottom: 1px solid rgba(128, 136, 160, 0.22); }
.cx-nodes .name { overflow-wrap: anywhere; } .cx-nodes .kind { white-space: nowrap; }
.cx-nodes td.number, .cx-nodes th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { .cx-nodes .wide { display: none; } }
"""


def apply() -> None:
    """Put the styles on the page."""
    colours = graph_chart.colours(graph_chart.dark())
    swatches = "".join(f".cx-swatch.c{place} {{ background: {colour}; }}\n" for place, colour in enumerate(colours))
    style.add(f"{_CSS}{swatches}")
