"""Tables, findings and log lines of Maintenance: the CSS that the theme cannot say."""

from __future__ import annotations

import streamlit as st

from cortex_ui import style

LIGHT = ("#4338CA", "#0E9F6E", "#D97706", "#0284C7", "#DB2777", "#7C3AED", "#65A30D", "#DC2626", "#0D9488", "#B45309")
DARK = ("#818CF8", "#34D399", "#FBBF24", "#38BDF8", "#F472B6", "#A78BFA", "#A3E635", "#F87171", "#2DD4BF", "#FDBA74")
OTHER = "#94A3B8"
"""Colour of the documents that have none of their own."""

_CSS = """
.cx-table { width: 100%; border-collapse: collapse; font-size: 0.93rem; }
.cx-table :is(th, td) { text-align: left; vertical-align: top; padding: 0.45rem 0.9rem 0.45rem 0; font-weight: 400;
  border: 0; border-bottom: 1px solid rgba(128, 136, 160, 0.22); overflow-wrap: anywhere; }
.cx-table tr:last-child :is(th, td) { border-bottom: 0; }
.cx-table thead th { color: var(--cx-quiet); font-size: 0.86rem; }
.cx-table td.dotted { padding-left: 18px; text-indent: -18px; }
.cx-facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 0.7rem 1rem;
  margin-top: 0.75rem; }
.cx-facts div { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.cx-facts span { display: block; color: var(--cx-quiet); font-size: 0.84rem; }
.cx-table .here { font-weight: 600; }
.cx-table td.number, .cx-table th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.st-key-map_row [data-testid="stColumn"] { min-width: min(270px, 100%); }
.st-key-map_row [data-testid="stColumn"]:first-child { min-width: min(430px, 100%); }
.cx-table .unit { display: none; }
.cx-chip { display: inline-block; border-radius: 6px; padding: 0.05rem 0.5rem; font-size: 0.84rem; white-space: nowrap; }
.cx-swatch { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }
.cx-finding { display: flex; gap: 0.65rem; padding: 0.15rem 0; }
.cx-finding .cx-icon { padding-top: 0.05rem; } .cx-finding code, .cx-log code { font-size: 0.88em; }
.cx-log { display: grid; grid-template-columns: 9.6rem 5rem minmax(0, 1fr); gap: 0 0.75rem; font-size: 0.88rem;
  padding: 0.4rem 0; border-bottom: 1px solid rgba(128, 136, 160, 0.18); }
.cx-log .what { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; }
.cx-log .who, .cx-log .when { color: var(--cx-quiet); }
.cx-log:last-child { border-bottom: 0; } .cx-log .who { display: block; }
.cx-log .when { font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 640px) {
  .cx-log { grid-template-columns: auto 1fr; } .cx-log .what { grid-column: 1 / -1; }
  .cx-table.wide thead { display: none; }
  .cx-table.wide, .cx-table.wide :is(tbody, tr, th, td) { display: block; }
  .cx-table.wide tr { padding: 0.5rem 0; border-bottom: 1px solid rgba(128, 136, 160, 0.22); }
  .cx-table.wide :is(td, th) { border: 0; padding: 0.1rem 0; text-align: left; }
  .cx-table.wide td.number { display: inline-block; margin-right: 0.9rem; text-align: left; color: var(--cx-quiet); }
  .cx-table .unit { display: inline; }
}
"""
_TONES = """
:root {{ --cx-quiet: {quiet}; }}
.cx-chip.good {{ background: {good_soft}; color: {good}; }} .good > .cx-icon, .cx-log .INFO {{ color: {good}; }}
.cx-chip.fair {{ background: {fair_soft}; color: {fair}; }} .fair > .cx-icon, .cx-log .WARNING {{ color: {fair}; }}
.cx-chip.bad {{ background: {bad_soft}; color: {bad}; }}
.bad > .cx-icon, .cx-log .ERROR, .cx-log .CRITICAL {{ color: {bad}; }}
.cx-chip.plain {{ background: {plain_soft}; color: {plain}; }} .plain > .cx-icon, .cx-log .DEBUG {{ color: {plain}; }}
.cx-log .INFO {{ color: {plain}; }}
"""
_ON_LIGHT = {
    "quiet": "#5b6478",
    "good": "#0b6b43",
    "good_soft": "#e3f6ec",
    "fair": "#8a4106",
    "fair_soft": "#fdf0dd",
    "bad": "#b42318",
    "bad_soft": "#fdeae8",
    "plain": "#46506a",
    "plain_soft": "#eef0f6",
}
_ON_DARK = {
    "quiet": "#9aa4ba",
    "good": "#5fd3a1",
    "good_soft": "#12302a",
    "fair": "#f7b267",
    "fair_soft": "#33261a",
    "bad": "#ff8b81",
    "bad_soft": "#3a1d22",
    "plain": "#b4bdd2",
    "plain_soft": "#1d2436",
}


def dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return bool(st.context.theme.type == "dark")


def apply() -> None:
    """Put the styles on the page."""
    colours = [*(DARK if dark() else LIGHT), OTHER]
    swatches = "".join(f".cx-swatch.c{place} {{ background: {colour}; }}\n" for place, colour in enumerate(colours))
    style.add(f"{_CSS}{_TONES.format(**(_ON_DARK if dark() else _ON_LIGHT))}{swatches}")
