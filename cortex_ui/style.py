"""The few lines of CSS that the theme cannot say."""

from __future__ import annotations

import streamlit as st

_CSS = """
mark { background: #fde68a; color: #1f2937; border-radius: 3px; padding: 0 2px; }
mark.passage { background: #dfe4ff; color: #1e1b4b; border-radius: 2px; padding: 1px 0; }
.cx-snippet { font-size: 0.95rem; line-height: 1.55; overflow-wrap: anywhere; }
.cx-name { font-weight: 600; overflow-wrap: anywhere; }
.cx-quiet { color: #5b6478; font-size: 0.86rem; overflow-wrap: anywhere; }
.cx-tile { display: flex; align-items: center; justify-content: center; width: 100%; aspect-ratio: 3 / 4; border-radius: 8px;
  background: #eef0ff; color: #4338ca; font-weight: 650; font-size: 0.8rem; letter-spacing: 0.02em; text-align: center; }
.cx-page { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; font-size: 0.95rem; }
.cx-dot { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; background: #94a3b8; }
.cx-dot.healthy { background: #0e9f6e; } .cx-dot.loading { background: #d97706; } .cx-dot.unhealthy { background: #dc2626; }
.cx-dot.absent { background: #d97706; } .cx-dot.off, .cx-dot.idle { background: #94a3b8; }
[data-testid="stImage"] img { border: 1px solid rgba(128, 136, 160, 0.28); border-radius: 8px; }
[data-testid="stLogo"] { border: 0; }
.st-key-drop [data-testid="stFileUploaderDropzone"], .st-key-drop_folder [data-testid="stFileUploaderDropzone"] {
  min-height: 168px; flex-direction: column; justify-content: center; gap: 0.6rem; border: 2px dashed rgba(99, 102, 241, 0.45); }
"""

_DARK = """
mark { background: #7c5e10; color: #fff7d6; }
mark.passage { background: #2b3270; color: #eef0ff; }
.cx-quiet { color: #9aa4ba; }
.cx-tile { background: #1d2340; color: #c7ccff; }
"""

_KEYS = """
<script>
(() => {
  if (window.cortexKeys) return;
  window.cortexKeys = true;
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    const wanted = (event.key === "/" && !typing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    const field = wanted && document.querySelector('.st-key-q input, .st-key-home_q input');
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  });
})();
</script>
"""
"""`/` and Ctrl-K go to the search box. The only script of ours; nothing that a person typed is in it."""


def apply() -> None:
    """Put the styles on the page, for the theme that it is shown in."""
    dark = st.context.theme.type == "dark"
    st.html(f"<style>{_CSS}{_DARK if dark else ''}</style>")
    st.html(_KEYS, unsafe_allow_javascript=True)
