"""The graph as tables: everything that the picture shows, for eyes and ears that do without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cortex_engine.core.graph import GraphNode, Neighbourhood
from cortex_ui import graph_words as words
from cortex_ui import safe, wording

_CLASSES = {
    **dict.fromkeys(("Name", "From", "To", "How"), "name"),
    **dict.fromkeys(("Mentions", "Steps", "Proofs"), "number"),
    "Kind": "kind",
    "Mostly in": "name wide",
}


def draw(found: Neighbourhood, groups: Mapping[str, str]) -> None:
    """Two tables: nodes, heaviest first, then what connects them. `groups`: their names."""
    names = {node.id: words.short(node.name) for node in found.nodes}
    nodes = sorted(found.nodes, key=lambda node: (node.distance, -node.weight, node.name))
    _table(
        "Names and documents",
        {
            "Name": [names[node.id] for node in nodes],
            "Kind": [_what(node) for node in nodes],
            "Mostly in": [words.short(groups.get(node.group, node.group), 48) if node.group else "" for node in nodes],
            "Mentions": [f"{node.weight:,.4g}" for node in nodes],
            "Steps": [wording.number(node.distance) for node in nodes],
        },
    )
    edges = sorted(found.edges, key=lambda edge: (-edge.proofs, names.get(edge.source, "")))
    _table(
        "Connections",
        {
            "From": [names.get(edge.source, "") for edge in edges],
            "To": [names.get(edge.target, "") for edge in edges],
            "How": [words.short(edge.label, 40) if edge.label else "" for edge in edges],
            "Proofs": [wording.number(edge.proofs) for edge in edges],
        },
    )


def _what(node: GraphNode) -> str:
    return "Document" if node.what == "document" else node.kind.value.capitalize()


def _table(caption: str, columns: Mapping[str, Sequence[str]]) -> None:
    """A table of the columns that have anything in them."""
    filled = {name: values for name, values in columns.items() if any(values)}

    def cell(tag: str, name: str, text: str) -> str:
        return f'<{tag} class="{_CLASSES[name]}">{safe.escape(text)}</{tag}>'

    head = "".join(cell("th", name, name) for name in filled)
    rows = zip(*filled.values(), strict=True) if filled else ()
    body = "".join(
        f"<tr>{''.join(cell('td', name, text) for name, text in zip(filled, row, strict=True))}</tr>" for row in rows
    )
    safe.show(
        f'<p><strong>{caption}</strong></p><table class="cx-nodes" aria-label="{caption}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
