"""Text that attacks whoever shows it carelessly, and what must not be on a page that shows it.

Each string begins with its own mark (`ZQX07`), so that it can be searched for and found again on the screen.
"""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page

from browser_kit.trap import Trap

_TEMPLATES = {
    "script": "<script>window.cortexProof=1;alert(1)</script>",
    "image with a handler": '<img src=x onerror="window.cortexProof=2;alert(2)">',
    "image from outside": '<img id="zqxoverlay" src="TRAP/3.png">',
    "svg": '<svg onload="window.cortexProof=4"><use href="TRAP/4.svg#a"></use><image href="TRAP/4.png"/></svg>',
    "iframe": '<iframe src="TRAP/5" srcdoc="<script>parent.cortexProof=5</script>"></iframe>',
    "picture in Markdown": "![chart](TRAP/6.png)",
    "link in Markdown": "[Sign in again](TRAP/7) <TRAP/7>",
    "colours and badges": ":red[Deleted] :red-background[all] :violet-badge[x] :small[y]",
    "formula": r"$$\href{TRAP/9}{x} \includegraphics{TRAP/9}$$ and $\color{red} y^2$",
    "emoji and icons": ":skull: :warning: :material/delete: :streamlit:",
    "entities": "&lt;script&gt;alert(11)&lt;/script&gt; &#60;img src=x onerror=alert(11)&#62; &amp;amp;",
    "javascript link": '[x](javascript:window.cortexProof=12) <a href="javascript:alert(12)">here</a>',
    "style": "<style>@import url(TRAP/13.css); body{background:url(TRAP/13.png)}</style>",
    "right to left": "invoice\u202egpj.exe \u2067back\u2069 \u200fend",
    "very long": "long" + "A" * 3000,
    "control characters": "first\x00second\x1b[31mred\x07\nthird\r\n# Heading\n- item",
    "templates": "{{7*7}} ${7*7} <%= 7*7 %> {%raw%} #{7*7} %s %(x)s {0} {name!r}",
    "zero width": "pay\u200bpal \u2060ad\ufeffmin\u00ad",
    "overlay": '<div id="zqxoverlay" style="position:fixed;inset:0;z-index:99999;background:#fff">ZQX Your session ended.'
    '<form action="TRAP/19"><input name=password></form></div>',
    "data address": '<object data="data:text/html,<script>parent.cortexProof=20</script>"></object>'
    " ![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "refresh": '<meta http-equiv="refresh" content="0;url=TRAP/21">',
    "base": '<base href="TRAP/22/"><link rel=stylesheet href="TRAP/22.css">',
    "attribute": "\"><details open ontoggle=alert(23)> ' onmouseover='alert(23)' x=\"",
    "Markdown": "**bold** ~~gone~~ `code` # head | a | b | <!-- x --> TRAP/24 www.example.com me@example.com -> <-",
    "mutation": '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(25)&gt;">',
    "formula of a sheet": '=HYPERLINK("TRAP/26","x")',
}


def vectors(trap: Trap) -> dict[str, str]:
    """Name -> hostile text that would call this trap."""
    return {
        name: f"{mark(position)} {text.replace('TRAP', trap.address)}"
        for position, (name, text) in enumerate(_TEMPLATES.items(), start=1)
    }


def mark(position: int) -> str:
    """The mark of a vector by its place, from 1."""
    return f"ZQX{position:02d}"


_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """What is left of a text for the eye: one line, nothing that takes no room."""
    return " ".join(_INVISIBLE.sub("", text.replace("\n", " ").replace("\r", " ").replace("\t", " ")).split())


FOUND = """
(trap) => {
  const found = [];
  const add = (what, element) => found.push(what + ": " + element.outerHTML.slice(0, 160));
  if (window.cortexProof !== undefined) found.push("a script ran: " + window.cortexProof);
  const of = (selector, what) => document.querySelectorAll(selector).forEach((element) => add(what, element));
  of("#zqxoverlay, .zqxoverlay", "an element of the hostile text");
  of("iframe:not([title='streamlit'])[src*='" + trap + "'], iframe[srcdoc*='cortexProof']", "a frame");
  of("base, meta[http-equiv='refresh' i], object, embed, math:not(.katex math)", "an element that has no place here");
  of("[src*='" + trap + "'], [href*='" + trap + "'], [action*='" + trap + "'], [srcset*='" + trap + "']", "an address");
  // A page of the application may carry what was typed in its own address, percent-encoded.
  document.querySelectorAll("a[href]").forEach((element) => {
    if (element.protocol === "javascript:" || (element.origin !== location.origin && element.href.includes("example.com")))
      add("a link", element);
  });
  of(".katex", "a formula");
  document.querySelectorAll("style").forEach((element) => {
    if (element.textContent.includes(trap)) add("a style", element);
  });
  for (const element of document.querySelectorAll("*")) {
    for (const attribute of element.attributes)
      if (/^on/i.test(attribute.name)) add("a handler", element);
    if (!element.textContent.includes("ZQX")) continue;
    const own = element.matches("[data-testid^='st'], [data-testid='stSidebar'], [data-testid='stPopoverBody'], " +
      "[data-baseweb='popover'], [data-baseweb='tooltip'], [data-testid='stToast'], [role='dialog']," +
      " [data-testid='stApp'] > div, [role='tooltip'], [role='listbox']");
    const holdsOwn = element.querySelector("[data-testid='stDialog'], [role='dialog'], [data-testid='stSidebar'], [data-testid='stApp']");
    if (getComputedStyle(element).position === "fixed" && !own && !holdsOwn) add("an overlay", element);
  }
  document.querySelectorAll("[class*='stMarkdownColoredText'], .stMarkdownBadge, .stMarkdownColoredBackground").forEach((element) => {
    if (/Deleted|^all$/.test(element.textContent)) add("a colour", element);
  });
  return found;
}
"""


def assert_harmless(page: Page, trap: Trap, where: str) -> None:
    """No script, no outside request, no overlay, nothing of the hostile text interpreted."""
    found: list[Any] = page.evaluate(FOUND, trap.address)
    assert found == [], f"{where}: {found[:6]}"
    assert trap.hits == [], f"{where}: requests to the trap: {trap.hits[:5]}"
    page.watch.assert_clean()  # type: ignore[attr-defined]


def shown(page: Page) -> str:
    """All text on the page, without what takes no room."""
    return visible(page.locator("body").inner_text())
