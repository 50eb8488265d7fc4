"""The Ask page: the CSS that the theme cannot say."""

from __future__ import annotations

import streamlit as st

from cortex_ui import style

_CSS = """
[data-testid="stChatMessage"] { padding: 0.35rem 0; gap: 0.8rem; }
[data-testid="stChatMessage"]:has(.cx-question) { background: var(--cx-soft); padding: 0.7rem 0.9rem; margin-top: 0.8rem; }
[data-testid^="stChatMessageAvatar"] { background: var(--cx-soft); color: var(--cx-accent); border: 0; }
[data-testid="stChatMessage"]:has(.cx-question) [data-testid^="stChatMessageAvatar"] { background: none; }
.cx-question { font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; padding-top: 0.28rem; }
@keyframes cx-here { from { opacity: 0.99; } }
.cx-here { animation: cx-here 1ms; } [data-testid="stChatMessage"]:has(.cx-question) { scroll-margin-top: 4.2rem; }
.cx-said { line-height: 1.7; overflow-wrap: anywhere; font-size: 1rem; }
.cx-said.unverified .cx-words { text-decoration: underline dashed; text-decoration-thickness: 1px; text-underline-offset: 4px;
  text-decoration-color: var(--cx-doubt); }
.cx-sign { font-size: 0.92rem; vertical-align: -0.12em; margin-left: 0.15rem; color: var(--cx-proved); }
.cx-tag { margin-right: 0.3rem; display: inline-block; font-size: 0.76rem; line-height: 1.35; padding: 0 0.4rem;
  border-radius: 5px; background: var(--cx-doubt-soft); color: var(--cx-doubt); }
.cx-writing { white-space: pre-wrap; line-height: 1.7; overflow-wrap: anywhere; }
.cx-number { display: inline-block; min-width: 1.25rem; text-align: center; font-size: 0.76rem; line-height: 1.25rem;
  border-radius: 0.65rem; background: var(--cx-soft); color: var(--cx-quiet); }
[class*="st-key-prose_"] { display: block !important; line-height: 1.7; }
[class*="st-key-prose_"] > *, [class*="st-key-prose_"] :is(.stHtml, .stButton, .stButton > div:first-child, .stTooltipIcon,
  .stTooltipHoverTarget) { display: inline !important; width: auto !important; }
[class*="st-key-prose_"] .stButton > div + div { display: none !important; }
[class*="st-key-prose_"] button { display: inline-flex; width: auto; min-height: 0; height: 1.3rem; min-width: 1.3rem;
  padding: 0 0.35rem; margin: 0 0.3rem 0 0.12rem; border-radius: 0.65rem; border-color: transparent; color: var(--cx-accent);
  background: var(--cx-soft); vertical-align: 0.08em; }
[class*="st-key-prose_"] button p { font-size: 0.76rem; font-weight: 600; line-height: 1; }
[class*="st-key-prose_"] button:hover { border-color: var(--cx-accent); }
[class*="st-key-quote_"] { border-left: 3px solid var(--cx-accent-soft); padding-left: 0.9rem; }
[class*="st-key-sources_"] { row-gap: 0; } [class*="st-key-acts_"] button { padding-left: 0; }
[class*="st-key-quote_"] button, [class*="st-key-sources_"] button, [class*="st-key-passage_"] button { min-height: 0;
  padding: 0.1rem 0; justify-content: flex-start; text-align: left; }
[class*="st-key-quote_"] button p, [class*="st-key-sources_"] button p { font-size: 0.86rem; color: var(--cx-quiet); }
[class*="st-key-miss_"] .cx-kind { font-size: 0.64rem; }
.cx-proofs { list-style: none; margin: 0; padding: 0; }
.cx-proof { display: flex; gap: 0.6rem; margin: 0 0 0.55rem !important; font-size: 0.93rem; line-height: 1.5; }
.cx-proof.quoted .cx-icon, .cx-proof.supported .cx-icon { color: var(--cx-proved); }
.cx-proof.unverified .cx-icon { color: var(--cx-doubt); }
.st-key-ask_conversations button { justify-content: flex-start; min-height: 0; padding: 0.3rem 0.5rem;
  border-color: transparent; }
.st-key-ask_conversations button :is(div, span) { min-width: 0; justify-content: flex-start; }
.st-key-ask_conversations button p { text-align: left; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.st-key-ask_conversations button[kind="secondary"] { background: var(--cx-here); font-weight: 600; }
.st-key-ask_new button { padding: 0.2rem 0; min-height: 0; }
.st-key-ask_how button { min-height: 0; padding: 0.1rem 0.2rem; }
[data-testid="stBottomBlockContainer"] { padding-bottom: 1.1rem; }
.st-key-ask_newest { min-height: calc(100dvh - 15rem); }
.st-key-ask_how a { padding: 0.1rem 0; } .st-key-ask_how { row-gap: 0.1rem; }
"""
_LIGHT = """:root { --cx-soft: #eef0fb; --cx-accent: #4338ca; --cx-accent-soft: #c7cbf5; --cx-quiet: #5b6478; --cx-doubt: #9a4a06;
  --cx-doubt-soft: #fdf0df; --cx-proved: #0b6b43; --cx-here: #e0e3f3; }"""
_DARK = """:root { --cx-soft: #1b2133; --cx-accent: #a5b4fc; --cx-accent-soft: #3b4374; --cx-quiet: #9aa4ba; --cx-doubt: #f7b267;
  --cx-doubt-soft: #3a2a16; --cx-proved: #5fd3a1; --cx-here: #262e47; }"""


def apply() -> None:
    """Put the styles on the page, for the theme that it is shown in."""
    style.add(_CSS + (_DARK if st.context.theme.type == "dark" else _LIGHT))
