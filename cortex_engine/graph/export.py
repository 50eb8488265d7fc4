"""The graph as a file for other programs: GraphML and JSON (node-link), as networkx reads them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cortex_engine.core.errors import UsageError
from cortex_engine.core.graph import GraphRows

if TYPE_CHECKING:
    import networkx

FORMATS = ("graphml", "json")
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export(rows: GraphRows, documents: Mapping[str, str], format: str) -> bytes:
    """Entities and documents as nodes; "together" and "mentioned in" as edges with the number of their proofs.

    Args:
        documents: names by id.
        format: "graphml" or "json".

    Raises:
        UsageError: there is no such format.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no format '{format}' for the knowledge graph. Use one of: {', '.join(FORMATS)}.")
    import networkx

    graph = _graph(rows, documents)
    if format == "json":
        return json.dumps(networkx.node_link_data(graph, edges="edges"), ensure_ascii=False, indent=1).encode()
    stream = io.BytesIO()
    networkx.write_graphml_xml(graph, stream)
    return stream.getvalue()


def _graph(rows: GraphRows, documents: Mapping[str, str]) -> networkx.Graph:
    import networkx

    graph = networkx.Graph()
    for entity_id, name, kind in zip(rows.entity_ids, rows.entity_names, rows.entity_kinds, strict=True):
        graph.add_node(entity_id, label=_writable(name), what="entity", kind=kind)
    for document_id in rows.document_ids:
        graph.add_node(document_id, label=_writable(documents.get(document_id, "")), what="document", kind="")
    columns = (rows.relation_source, rows.relation_target, rows.relation_count)
    for source, target, proofs in zip(*(column.tolist() for column in columns), strict=True):
        graph.add_edge(rows.entity_ids[source], rows.entity_ids[target], how="together", proofs=proofs)
    homes = rows.chunk_documents[rows.mention_chunk].tolist()
    mentions: dict[tuple[int, int], int] = {}
    for entity, home, count in zip(rows.mention_entity.tolist(), homes, rows.mention_count.tolist(), strict=True):
        mentions[entity, home] = mentions.get((entity, home), 0) + count
    for (entity, home), count in mentions.items():
        graph.add_edge(rows.entity_ids[entity], rows.document_ids[home], how="mentioned in", proofs=count)
    return graph


def _writable(text: str) -> str:
    """With a space for each character that XML 1.0 cannot hold: controls, halves of pairs, U+FFFE and U+FFFF."""
    return _UNWRITABLE.sub(" ", text)
