"""The few lines of CSS that the theme cannot say."""

from __future__ import annotations

import streamlit as st

_CSS = """
mark { background: #fde68a; color: #1f2937; border-radius: 3px; padding: 0 2px; }
mark.passage { background: #dfe4ff; color: #1e1b4b; border-radius: 2px; padding: 1px 0; }
.cx-snippet { font-size: 0.95rem; line-height: 1.55; overflow-wrap: anywhere; }
.cx-name { font-weight: 600; overflow-wrap: anywhere; }
.cx-quiet { color: #5b6478; font-size: 0.86rem; overflow-wrap: anywhere; }
.cx-tile { position: relative; width: 100%; aspect-ratio: 3 / 4; border-radius: 8px; overflow: hidden; background: #f4f5ff;
  border: 1px solid rgba(128, 136, 160, 0.28); }
.cx-lines { position: absolute; inset: 0; padding: 9% 9% 0; font-size: 8.5px; line-height: 1.5; color: #5b6478; overflow: hidden;
  white-space: pre-line; overflow-wrap: anywhere; }
.cx-kind { position: absolute; inset: auto 0 0; padding: 26px 4px 8px; background: linear-gradient(transparent, #f4f5ff 45%);
  color: #4338ca; font-weight: 650; font-size: 0.78rem; text-align: center; }
.st-key-recent [data-testid="stImage"] img { aspect-ratio: 3 / 4; object-fit: cover; object-position: top; }
.cx-page { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; font-size: 0.95rem; }
.cx-facts td, .cx-facts th { padding: 3px 14px 3px 0; border: 0; text-align: left; vertical-align: top; font-size: 0.9rem;
  overflow-wrap: anywhere; font-variant-numeric: tabular-nums; } .cx-facts th { font-weight: 500; white-space: nowrap; }
.cx-dot { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; background: #94a3b8; }
.cx-dot.healthy { background: #0e9f6e; } .cx-dot.loading { background: #d97706; } .cx-dot.unhealthy { background: #dc2626; }
.cx-dot.absent { background: #d97706; } .cx-dot.off, .cx-dot.idle { background: #94a3b8; }
@media (max-width: 640px) {
  [data-testid="stLayoutWrapper"]:has(> [class*="st-key-thumb_"]), [class*="st-key-thumb_"] { width: 56px !important;
    min-width: 56px !important; flex: 0 0 56px !important; }
  [class*="st-key-thumb_"] .cx-tile { font-size: 0.62rem; }
  [class*="st-key-heading_"] { flex-direction: column !important; align-items: flex-start !important; }
  [class*="st-key-heading_"] > * { flex: 0 0 auto !important; } }
[data-testid="stImage"] img { border: 1px solid rgba(128, 136, 160, 0.28); border-radius: 8px; }
[data-testid="stLogo"] { border: 0; }
.st-key-drop [data-testid="stFileUploaderDropzone"], .st-key-drop_folder [data-testid="stFileUploaderDropzone"] {
  min-height: 184px; flex-direction: column; align-items: center; justify-content: center; gap: 0.6rem;
  border: 2px dashed rgba(99, 102, 241, 0.45); }
.st-key-drop [data-testid="stFileUploaderDropzone"]::before { content: "Drop files here"; }
.st-key-drop_folder [data-testid="stFileUploaderDropzone"]::before { content: "Drop a folder here"; }
[class*="st-key-drop"] [data-testid="stFileUploaderDropzone"]::before { font-weight: 600; font-size: 1.05rem; }
.cx-icon { font-family: "Material Symbols Rounded"; font-size: 1.15rem; line-height: 1.35; flex: none; width: 1.2rem;
  overflow: hidden; }
.cx-file { display: flex; gap: 0.6rem; padding: 0.3rem 0; } .cx-grow { flex: 1; min-width: 0; }
.cx-line { display: flex; flex-wrap: wrap; gap: 0 0.75rem; justify-content: space-between; }
.cx-file .cx-name { font-weight: 500; }
.cx-state, .cx-file .cx-icon { color: #5b6478; } .cx-state { font-size: 0.9rem; }
.cx-file.done .cx-icon { color: #0b6b43; }
.cx-file:is(.failed, .quarantined) :is(.cx-icon, .cx-state, .cx-reason) { color: #b42318; }
.cx-file:is(.parsing, .embedding, .indexing) :is(.cx-icon, .cx-state) { color: #1d4ed8; }
[class*="st-key-open_file_"] button, [class*="st-key-retry_file_"] button {
  min-height: 0; padding: 0.1rem 0; margin-top: 0.2rem; }
@media (max-width: 640px) { .cx-line { flex-direction: column; } }
.cx-reason { font-size: 0.9rem; line-height: 1.45; overflow-wrap: anywhere; color: #5b6478; }
.cx-steps { margin: 0 0 0.4rem; padding-left: 1.25rem; line-height: 1.65; } .cx-centre { text-align: center; }
.cx-description { font-size: 0.95rem; line-height: 1.45; overflow-wrap: anywhere; white-space: pre-line; }
.cx-heading { font-size: 1.08rem; line-height: 1.35; margin: 0; padding: 0; }
.cx-names { margin: 0; padding-left: 1.1rem; } .cx-setting > div { margin-bottom: 0.2rem; }
.cx-setting code { font-size: 0.78rem; overflow-wrap: anywhere; }
.cx-about :is(th, td) { white-space: normal; overflow-wrap: break-word; vertical-align: top; }
.cx-bars { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
.cx-bars :is(th, td) { padding: 0.2rem 0.5rem 0.2rem 0; text-align: left; font-weight: 400; border: 0; }
.cx-bars th { width: 40%; overflow-wrap: anywhere; } .cx-bars td:last-child { text-align: right; width: 3.5rem; }
.cx-side { font-weight: 600; font-size: 0.93rem; padding-top: 0.35rem; }
[class*="st-key-frame_"] img { width: 100%; aspect-ratio: 1; object-fit: contain; background: #f4f5ff; }
[class*="st-key-frame_"] .cx-tile { aspect-ratio: 1; }
[class*="st-key-tile_"] { position: relative; }
[class*="st-key-tile_"] > [class*="st-key-open_"], [class*="st-key-tile_"] > [class*="st-key-open_"] :is(div, span, p) {
  position: static; justify-content: flex-start; text-align: left; }
[class*="st-key-tile_"] > [class*="st-key-open_"] button { position: static; justify-content: flex-start; min-height: 0;
  padding: 0.35rem 0 0.1rem; }
[class*="st-key-tile_"] > [class*="st-key-open_"] p { font-weight: 600; line-height: 1.35; display: -webkit-box; overflow: hidden;
  -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow-wrap: anywhere; }
[class*="st-key-tile_"] > [class*="st-key-open_"] button::after { content: ""; position: absolute; inset: 0; border-radius: 8px; }
[class*="st-key-tile_"] > [class*="st-key-open_"] button:focus-visible { outline: 0; box-shadow: none; }
[class*="st-key-tile_"] > [class*="st-key-open_"] button:focus-visible::after { outline: 2px solid #6366f1; outline-offset: 3px; }
[class*="st-key-tile_"]:hover [class*="st-key-frame_"] img { border-color: #6366f1; }
[class*="st-key-below_"] { position: relative; z-index: 1; padding-top: 0.2rem; justify-content: space-between; }
[class*="st-key-tools_"] button { min-height: 0; padding: 0.15rem 0.25rem; }
[data-testid="stLayoutWrapper"]:has(> .st-key-picture_file), .st-key-picture_file { flex: 0 0 auto; min-width: 0; }
.st-key-picture_file :is(section, .stFileUploader, .stElementContainer) { width: fit-content !important; min-width: 0; }
.st-key-picture_file section:has([data-testid$="Instructions"]) { padding: 0; border: 0; min-height: 0; background: none; }
.st-key-picture_file :is([data-testid$="Instructions"], label) { display: none; }
.st-key-picture_file section:has([data-testid$="Instructions"]) button p { position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); }
.st-key-picture_file section:has([data-testid$="Instructions"]) button { min-height: 38px; font-size: 0.94rem; }
.st-key-picture_file section:has([data-testid$="Instructions"]) [data-testid="stIconMaterial"] { font-size: 0; }
.st-key-picture_file section:has([data-testid$="Instructions"]) [data-testid="stIconMaterial"]::before {
  content: "image_search"; font-size: 1.2rem; }
.st-key-picture_file section:has([data-testid$="Instructions"]) button::after { content: "Picture"; font-size: 0.875rem; }
@media (max-width: 640px) { .st-key-picture_file section:has([data-testid$="Instructions"]) button > div { gap: 0; }
  .st-key-picture_file section:has([data-testid$="Instructions"]) button::after { content: none; } }
.st-key-picture_chip img { width: 56px; height: 56px; object-fit: cover; }
.cx-bar { height: 0.5rem; border-radius: 4px; background: #6366f1; min-width: 4px; }
"""
_BARS = "".join(f".cx-bar-{step} {{ width: {step * 5}%; }}" for step in range(1, 21))

_DARK = """
mark { background: #7c5e10; color: #fff7d6; }
mark.passage { background: #2b3270; color: #eef0ff; }
.cx-quiet { color: #9aa4ba; }
button[kind="tertiary"]:is(:hover, :active, [aria-expanded="true"]), [data-testid="stPopoverButton"]:is(:hover, :active,
  [aria-expanded="true"]) { color: #a5b4fc !important; }
[data-testid^="stBaseButton-primary"], [data-testid^="stBaseButton-primary"]:hover { color: #0d111c; }
[data-testid^="stBaseButton-primary"]:is(:hover, :focus, :active) { background: #a5b4fc; border-color: #a5b4fc; }
.cx-tile, [class*="st-key-frame_"] img { background: #1a2036; } .cx-lines { color: #9aa4ba; }
.cx-kind { background: linear-gradient(transparent, #1a2036 45%); color: #c7ccff; }
.cx-state, .cx-file .cx-icon, .cx-reason { color: #9aa4ba; }
.cx-file.done .cx-icon { color: #5fd3a1; }
.cx-file:is(.failed, .quarantined) :is(.cx-icon, .cx-state, .cx-reason) { color: #ff8b81; }
.cx-file:is(.parsing, .embedding, .indexing) :is(.cx-icon, .cx-state) { color: #93b4ff; }
"""

_KEYS = """
<script>
(() => {
  if (window.cortexKeys) return;
  window.cortexKeys = true;
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    const wanted = (event.key === "/" && !typing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    const field = wanted && document.querySelector('.st-key-q input, .st-key-home_q input, .st-key-ask_box textarea');
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  });
  document.addEventListener("animationstart", (event) => {
    if (event.animationName === "cx-here") event.target.closest('[data-testid="stChatMessage"]')?.scrollIntoView();
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files || [])].find((each) => each.type.startsWith("image/"));
    const place = file && document.querySelector('.st-key-picture_file input[type="file"]');
    if (!place) return;
    event.preventDefault();
    const given = new DataTransfer();
    given.items.add(file);
    place.files = given.files;
    place.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
</script>
"""
"""`/` and Ctrl-K go to the search box; a picture that is pasted goes to where pictures are searched; the newest question of a
conversation is scrolled to when it appears. The only script of ours; nothing that a person typed is in it."""


def apply() -> None:
    """Put the styles on the page, for the theme that it is shown in."""
    dark = st.context.theme.type == "dark"
    st.html(f"<style>{_CSS}{_BARS}{_DARK if dark else ''}</style>")
    st.html(_KEYS, unsafe_allow_javascript=True)


def add(css: str) -> None:
    """Put the styles of one page on it; `css` is our own, never from a document."""
    st.html(f"<style>{css}</style>")
