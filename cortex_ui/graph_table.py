"""The graph as tables: everything that the picture shows, for eyes and ears that do without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cortex_engine.core.graph import GraphNode, Neighbourhood
from cortex_ui import graph_words as words
from cortex_ui import safe, wording


def draw(found: Neighbourhood, groups: Mapping[str, str]) -> None:
    """Two tables: nodes, heaviest first, then what connects them. `groups`: their names."""
    names = {node.id: words.short(node.name) for node in found.nodes}
    ordered = sorted(found.nodes, key=lambda node: (node.distance, -node.weight, node.name))
    rows = [
        [names[node.id], _what(node), words.short(groups.get(node.group, node.group), 48) if node.group else "",
         f"{node.weight:,.4g}", wording.number(node.distance)]
        for node in ordered
    ]  # fmt: skip
    _table("Names and documents", ("Name", "Kind", "Mostly in", "Mentions", "Steps"), rows, 2)
    edges = sorted(found.edges, key=lambda edge: (-edge.weight, names.get(edge.source, "")))
    between = [
        [names.get(edge.source, ""), names.get(edge.target, ""), words.short(edge.label, 40) if edge.label else "",
         wording.number(edge.proofs)]
        for edge in edges
    ]  # fmt: skip
    _table("Connections", ("From", "To", "How", "Proofs"), between, 1)


def _what(node: GraphNode) -> str:
    return "Document" if node.what == "document" else node.kind.value.capitalize()


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> None:
    """A table whose last columns are numbers."""
    first = len(head) - numbers

    def cell(tag: str, position: int, text: str) -> str:
        css = ' class="number"' if position >= first else ""
        return f"<{tag}{css}>{safe.escape(text)}</{tag}>"

    heads = "".join(cell("th", position, text) for position, text in enumerate(head))
    body = "".join(
        f"<tr>{''.join(cell('td', position, text) for position, text in enumerate(row))}</tr>" for row in rows
    )
    safe.show(
        f'<p><strong>{caption}</strong></p><table class="cx-nodes" aria-label="{caption}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
