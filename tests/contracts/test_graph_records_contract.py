"""The contract of the port `GraphRecords`: the graph is what the documents say that are there, with people's edits over it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.catalog.graph_sums import forget_parts
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.graph import DocumentGraph, EntityKind, ExtractedEntity, Mention, RelationKind
from cortex_engine.core.identifiers import entity_id
from cortex_engine.core.names import fold
from cortex_engine.core.reports import Finding
from tests.graph_kit import SPEC, CapitalExtractor, prepared

_BACKENDS: dict[str, Callable[[Path], SqliteCatalog]] = {"sqlite": lambda folder: SqliteCatalog(folder / "catalog.db")}
_PLAIN = CapitalExtractor()
_LONG = CapitalExtractor("2", {"Ada Lovelace": EntityKind.PERSON}, {"Ada": "Ada Lovelace"})
_ONE = ("Ada met Bob in Kent. Bob saw Kent in 1840.", "Kent is green, said Bob.")
_TWO = ("Ada wrote to Cy. then came Kent.",)
_TABLES = ("document", "entity", "form", "part", "alias", "mention", "relation")


@pytest.fixture(params=_BACKENDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteCatalog]:
    made = _BACKENDS[request.param](tmp_path)
    made.create_collection("c", SPEC, "")
    yield made
    made.close()


def _add(catalog: SqliteCatalog, name: str, passages: tuple[str, ...], extractor: CapitalExtractor = _PLAIN) -> str:
    key = catalog.commit(prepared(name, passages), "c").document_id
    _extract(catalog, extractor)
    return key


def _extract(catalog: SqliteCatalog, extractor: CapitalExtractor = _PLAIN) -> int:
    waiting = catalog.ungraphed(extractor.fingerprint, 100)
    return sum(catalog.keep_graph(each.document_id, extractor.fingerprint, extractor.extract(each)) for each in waiting)


def _id(name: str) -> str:
    return entity_id(fold(name))


def _counts(catalog: SqliteCatalog) -> dict[str, tuple[int, int, int]]:
    every = [*EntityKind]
    return {e.name: (e.mentions, e.documents, e.passages) for e in catalog.find_entities("", 100, every)}


def _rows(catalog: SqliteCatalog) -> int:
    with catalog._database.read() as connection:
        return sum(connection.execute(f"SELECT count(*) FROM graph_{table}").fetchone()[0] for table in _TABLES)


def test_documents_wait_until_this_extractor_has_read_them(catalog: SqliteCatalog) -> None:
    key = catalog.commit(prepared("one.txt", _ONE), "c").document_id
    catalog.commit(prepared("empty.txt", ()), "c")
    (waiting,) = catalog.ungraphed(_PLAIN.fingerprint)
    assert (waiting.document_id, waiting.name, waiting.language) == (key, "one.txt", "en")
    assert [(each.text, each.char_start) for each in waiting.chunks] == [(_ONE[0], 0), (_ONE[1], len(_ONE[0]) + 1)]
    assert catalog.graph_stats(_PLAIN.fingerprint).waiting == 1
    assert _extract(catalog) == 1
    assert catalog.ungraphed(_PLAIN.fingerprint) == []
    assert [each.document_id for each in catalog.ungraphed(_LONG.fingerprint)] == [key]
    catalog.set_metadata(key, {"title": "Letters of Ada"})
    assert catalog.ungraphed(_PLAIN.fingerprint) == [], "no extractor sees the title"
    catalog.set_metadata(key, {"language": "de"})
    assert [each.language for each in catalog.ungraphed(_PLAIN.fingerprint)] == ["de"]


def test_entities_are_what_all_documents_say(catalog: SqliteCatalog) -> None:
    _add(catalog, "one.txt", _ONE)
    _add(catalog, "two.txt", _TWO)
    assert _counts(catalog) == {
        "Kent": (4, 2, 3),
        "Bob": (3, 1, 2),
        "Ada": (2, 2, 2),
        "Cy": (1, 1, 1),
        "1840": (1, 1, 1),
    }
    assert [each.name for each in catalog.find_entities()] == ["Kent", "Bob", "Ada", "Cy"], "a year is no node"
    assert [each.name for each in catalog.find_entities("1840")] == ["1840"]
    assert [each.name for each in catalog.find_entities(kinds=[EntityKind.DATE])] == ["1840"]
    assert [each.name for each in catalog.find_entities("KÉN")] == ["Kent"]
    assert [each.name for each in catalog.find_entities("d")] == ["Ada"] and catalog.find_entities("  ?!") == []
    assert catalog.find_entities("nobody") == [] and catalog.entities(["0" * 32]) == {}
    stats = catalog.graph_stats(_PLAIN.fingerprint)
    assert (stats.entities, stats.mentions, stats.documents, stats.passages, stats.waiting) == (4, 11, 2, 3, 0)
    assert stats.kinds == {"": 4, "date": 1}


def test_places_and_proofs_lead_back_to_the_sentence(catalog: SqliteCatalog) -> None:
    key = _add(catalog, "one.txt", _ONE)
    first, second, third = catalog.mentions(_id("Bob"))
    whole = "\n".join(_ONE)
    assert {whole[each.char_start : each.char_end] for each in (first, second, third)} == {"Bob"}
    assert (first.document_id, first.document, first.page) == (key, "one.txt", 1)
    assert (first.snippet, first.date) == ("Ada met Bob in Kent.", "")
    assert (second.snippet, second.date) == ("Bob saw Kent in 1840.", "1840")
    assert third.snippet == "Kent is green, said Bob."
    assert catalog.mentions(_id("Bob"), limit=1) == [first] and catalog.mentions(_id("Bob"), 9, "0" * 32) == []
    assert catalog.mentions("0" * 32) == []
    proofs = catalog.relation_proofs(_id("Kent"), _id("Bob"))
    assert [(proof.snippet, proof.date) for proof in proofs] == [
        ("Ada met Bob in Kent.", ""),
        ("Bob saw Kent in 1840.", "1840"),
        ("Kent is green, said Bob.", ""),
    ]
    beside = catalog.neighbours(_id("Kent"))
    assert [(each.entity.name, each.weight) for each in beside] == [("Bob", 3.0), ("Ada", 1.0)]
    assert {each.name for each in catalog.document_entities([key], 2)} == {"Bob", "Kent"}


def test_a_mention_in_the_overlap_of_two_passages_counts_once(catalog: SqliteCatalog) -> None:
    document = prepared("one.txt", ("Ada met Bob.", "Bob met Cy."))
    whole = "Ada met Bob. Bob met Cy."
    chunks = [replace(document.chunks[0], text=whole[:12]), replace(document.chunks[1], text=whole[4:], char_start=4)]
    key = catalog.commit(replace(document, chunks=chunks), "c").document_id
    places = [Mention("Bob", chunk.id, 8, 11, "Bob") for chunk in chunks]
    assert catalog.keep_graph(key, "1", DocumentGraph((ExtractedEntity("Bob"),), tuple(places)))
    assert _counts(catalog) == {"Bob": (1, 1, 2)}
    assert len(catalog.mentions(_id("Bob"))) == 1


def test_what_was_read_again_replaces_what_was_there(catalog: SqliteCatalog) -> None:
    key = _add(catalog, "one.txt", _ONE)
    before = catalog.graph_moment()
    assert catalog.keep_graph(key, "other", DocumentGraph())
    assert catalog.find_entities() == [] and _rows(catalog) == 1 and catalog.graph_moment() != before
    assert _extract(catalog, _LONG) == 1
    ada = catalog.entities([_id("Ada Lovelace")])[_id("Ada Lovelace")]
    assert (ada.kind, ada.aliases) == (EntityKind.PERSON, ("Ada",))
    assert catalog.entity_names(["ada", "bob", "nobody"]) == {"ada": ada.id, "bob": _id("Bob")}
    assert catalog.find_entities("ada") == [ada]
    catalog.commit(prepared("one.txt", _ONE, "another pipeline"), "c")
    assert _rows(catalog) == 0 and len(catalog.ungraphed(_LONG.fingerprint)) == 1, "its passages are others"


def test_nothing_is_kept_of_documents_and_passages_that_are_gone(catalog: SqliteCatalog) -> None:
    key = catalog.commit(prepared("one.txt", _ONE), "c").document_id
    (waiting,) = catalog.ungraphed("1")
    graph = _PLAIN.extract(waiting)
    catalog.commit(prepared("one.txt", _ONE, "another pipeline"), "c")
    assert not catalog.keep_graph(key, "1", graph)
    assert not catalog.keep_graph(key, "1", DocumentGraph(), waiting), "nothing was found, but in other passages"
    catalog.fail_graph(key, "1", "It cannot be read.", waiting)
    (waiting,) = catalog.ungraphed("1")
    catalog.set_metadata(key, {"language": "de"})
    assert not catalog.keep_graph(key, "1", _PLAIN.extract(waiting), waiting), "it is to be read as another language"
    assert len(catalog.ungraphed("1")) == 1
    catalog.delete_documents([key])
    assert not catalog.keep_graph(key, "1", graph) and _rows(catalog) == 0


def test_a_deleted_document_takes_its_names_forms_and_aliases(catalog: SqliteCatalog) -> None:
    one = _add(catalog, "one.txt", _ONE, _LONG)
    two = catalog.commit(
        prepared("two.txt", ("ADA LOVELACE of Kent and Cy. ADA LOVELACE left. ADA LOVELACE came.",)), "c"
    ).document_id
    name = "ADA LOVELACE"
    (waiting,) = catalog.ungraphed(_LONG.fingerprint)
    (passage,) = waiting.chunks
    places = [Mention(name, passage.chunk_id, at, at + 12, name) for at in (0, 28, 47)]
    entity = ExtractedEntity(name, EntityKind.ORGANISATION, ("The Countess",))
    catalog.keep_graph(two, _LONG.fingerprint, DocumentGraph((entity,), tuple(places)))
    ada = catalog.entities([_id(name)])[_id(name)]
    assert (ada.name, ada.aliases, ada.mentions) == (name, ("Ada", "The Countess"), 4)
    catalog.delete_documents([two])
    ada = catalog.entities([_id(name)])[_id(name)]
    assert (ada.name, ada.kind, ada.aliases, ada.mentions) == ("Ada Lovelace", EntityKind.PERSON, ("Ada",), 1)
    assert catalog.find_entities("countess") == []
    catalog.delete_documents([one])
    assert _rows(catalog) == 0 and catalog.graph_rows().entity_ids == []


def test_merged_entities_are_one_until_they_are_split(catalog: SqliteCatalog) -> None:
    one = _add(catalog, "one.txt", _ONE)
    two = _add(catalog, "two.txt", _TWO)
    catalog.merge_entities(_id("Cy"), _id("Bob"))
    bob = catalog.entities([_id("Cy")])[_id("Cy")]
    assert (bob.id, bob.name, bob.aliases) == (_id("Bob"), "Bob", ("Cy",))
    assert (bob.mentions, bob.documents, bob.passages) == (4, 2, 3)
    assert catalog.merged_entities() == [bob] and catalog.graph_stats("").merged == 1
    assert {each.document_id for each in catalog.mentions(bob.id)} == {one, two}
    assert [each.name for each in catalog.find_entities("cy")] == ["Bob"]
    assert catalog.entity_names(["cy"]) == {"cy": bob.id}
    assert {each.entity.name: each.weight for each in catalog.neighbours(bob.id)} == {"Kent": 3.0, "Ada": 2.0}
    assert [each.snippet for each in catalog.relation_proofs(_id("Ada"), bob.id)] == [
        "Ada met Bob in Kent.",
        "Ada wrote to Cy.",
    ]
    rows = catalog.graph_rows()
    assert sorted(rows.entity_names) == ["Ada", "Bob", "Kent"]
    with pytest.raises(UsageError):
        catalog.merge_entities(_id("Cy"), _id("Bob"))
    with pytest.raises(NotFoundError):
        catalog.merge_entities(_id("Nobody"), _id("Bob"))
    catalog.split_entity(_id("Bob"))
    assert (
        catalog.merged_entities() == [] and _counts(catalog)["Bob"] == (3, 1, 2) and _counts(catalog)["Cy"] == (1, 1, 1)
    )


def test_merges_in_chains_and_circles_end_in_one(catalog: SqliteCatalog) -> None:
    _add(catalog, "one.txt", _ONE)
    _add(catalog, "two.txt", _TWO)
    catalog.merge_entities(_id("Cy"), _id("Bob"))
    catalog.merge_entities(_id("Bob"), _id("Ada"))
    assert sorted(each.name for each in catalog.find_entities()) == ["Ada", "Kent"]
    catalog.merge_entities(_id("Ada"), _id("Cy"))  # a circle: the whole is to be called Cy
    (cy,) = catalog.merged_entities()
    assert (cy.name, set(cy.aliases)) == ("Cy", {"Ada", "Bob"})
    catalog.merge_entities(_id("Kent"), _id("Cy"))
    assert [each.name for each in catalog.find_entities()] == ["Cy"] and catalog.neighbours(cy.id) == []
    catalog.split_entity(cy.id)
    assert len(catalog.find_entities()) == 4


def test_edits_outlive_their_documents_and_name_nothing(catalog: SqliteCatalog) -> None:
    one = _add(catalog, "one.txt", _ONE)
    two = _add(catalog, "two.txt", _TWO)
    catalog.merge_entities(_id("Cy"), _id("Bob"))
    catalog.hide_entity(_id("Kent"))
    catalog.delete_documents([one])
    assert sorted(each.name for each in catalog.find_entities()) == ["Ada", "Cy"], "what Cy was to be called is gone"
    catalog.delete_documents([two])
    with catalog._database.read() as connection:
        kept = [row for table in ("merge", "hidden") for row in connection.execute(f"SELECT * FROM graph_{table}")]
    assert kept == [(_id("Cy"), _id("Bob")), (_id("Kent"),)]
    _add(catalog, "two.txt", _TWO)
    _add(catalog, "one.txt", _ONE)
    assert [each.name for each in catalog.find_entities()] == ["Bob", "Ada"]
    assert [each.name for each in catalog.find_entities(hidden=True)] == ["Kent"]


def test_hidden_entities_are_left_out_everywhere(catalog: SqliteCatalog) -> None:
    key = _add(catalog, "one.txt", _ONE)
    catalog.hide_entity(_id("Bob"))
    assert "Bob" not in [each.name for each in (*catalog.find_entities(), *catalog.find_entities("bob"))]
    assert [each.name for each in catalog.find_entities("b", hidden=True)] == ["Bob"]
    assert catalog.entity_names(["bob"]) == {} and "Bob" not in catalog.graph_rows().entity_names
    assert [each.entity.name for each in catalog.neighbours(_id("Kent"))] == ["Ada"]
    assert [each.name for each in catalog.document_entities([key])] == ["Kent", "Ada"]
    assert catalog.entities([_id("Bob")])[_id("Bob")].hidden and catalog.graph_stats("").hidden == 1
    catalog.hide_entity(_id("Bob"), False)
    assert "Bob" in [each.name for each in catalog.find_entities()]
    with pytest.raises(NotFoundError):
        catalog.hide_entity("0" * 32)


def test_columns_hold_the_graph(catalog: SqliteCatalog) -> None:
    one = _add(catalog, "one.txt", _ONE, _LONG)
    two = _add(catalog, "two.txt", _TWO, _LONG)
    rows = catalog.graph_rows()
    name = rows.entity_names
    assert sorted(name) == ["Ada Lovelace", "Bob", "Cy", "Kent"] and rows.moment == catalog.graph_moment()
    assert set(rows.document_ids) == {one, two} and len(rows.chunk_ids) == 3
    mentions = {
        (name[e], rows.document_ids[rows.chunk_documents[c]], int(n))
        for e, c, n in zip(rows.mention_entity, rows.mention_chunk, rows.mention_count, strict=True)
    }
    assert ("Bob", one, 2) in mentions and ("Cy", two, 1) in mentions and len(mentions) == 8
    pairs = zip(rows.relation_source, rows.relation_target, rows.relation_count, strict=True)
    proofs = {frozenset((name[a], name[b])): int(n) for a, b, n in pairs}
    assert proofs[frozenset(("Bob", "Kent"))] == 3 and len(proofs) == 4
    known = dict(zip(rows.names, rows.name_entity.tolist(), strict=True))
    assert name[known["ada"]] == "Ada Lovelace" and set(known) == {"ada", "ada lovelace", "bob", "cy", "kent"}
    (waiting,) = (each for each in catalog.ungraphed("3") if each.document_id == one)
    graph = _LONG.extract(waiting)
    said = [replace(each, kind=RelationKind.NAMED, label="met") for each in graph.relations if each.source == "Bob"][:1]
    catalog.keep_graph(one, "3", replace(graph, relations=(*graph.relations, *said)), waiting)
    catalog.merge_entities(_id("Cy"), _id("Kent"))
    rows = catalog.graph_rows()
    pairs = zip(rows.relation_source, rows.relation_target, rows.relation_count, strict=True)
    proofs = {frozenset((rows.entity_names[a], rows.entity_names[b])): int(n) for a, b, n in pairs}
    beside = {each.entity.name: each.weight for each in catalog.neighbours(_id("Kent"))}
    assert {name: proofs[frozenset((name, "Kent"))] for name in beside} == beside, "each sentence is one proof"
    catalog.split_entity(_id("Kent"))
    part = catalog.graph_rows([two])
    assert sorted(part.entity_names) == ["Ada Lovelace", "Cy", "Kent"] and part.document_ids == [two]
    assert (part.relation_count.tolist(), part.mention_count.tolist()) == ([1], [1, 1, 1])


def test_what_cannot_be_read_waits_no_longer_and_is_told(catalog: SqliteCatalog) -> None:
    key = _add(catalog, "one.txt", _ONE)
    catalog.fail_graph(key, "2", "its names could not be read.")
    stats = catalog.graph_stats("2")
    assert (stats.waiting, stats.failed, stats.documents, stats.entities) == (0, 1, 0, 0)
    assert stats.failure == "'one.txt': its names could not be read."
    assert catalog.ungraphed("2") == [] and catalog.retry_graphs() == 1
    assert len(catalog.ungraphed("2")) == 1 and catalog.graph_stats("2").failed == 0


def test_a_deletion_writes_only_its_own_part(catalog: SqliteCatalog) -> None:
    """The more documents name what it names, the more would a rebuild cost; what is written stays the same."""
    written = []
    for documents in (5, 80):
        for number in range(documents):
            _add(catalog, f"{documents}-{number}.txt", (f"Ada met Bob and Cy in Kent. Page {documents} {number}.",))
        key = _add(catalog, f"last-{documents}.txt", (f"Ada met Bob and Zoe in Kent. Zoe left {documents}.",))
        with catalog._database.write() as connection:
            before = connection.total_changes
            connection.execute("SAVEPOINT here")
            (number,) = connection.execute("SELECT key FROM document WHERE id = ?", (key,)).fetchone()
            forget_parts(connection, [number])
            written.append(connection.total_changes - before)
            connection.execute("ROLLBACK TO here")
        catalog.delete_documents([key])
    assert written[0] == written[1] < 60


def _errors(catalog: SqliteCatalog) -> list[Finding]:
    return [each for each in catalog.check() if each.severity == "error"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE graph_entity SET mentions = mentions + 1 WHERE name = 'Bob'",
        "UPDATE graph_entity SET shown_mentions = 0",
        "UPDATE graph_entity SET hidden = 1 WHERE name = 'Bob'",
        "UPDATE graph_form SET form = 'Rob' WHERE form = 'Bob'",
        "DELETE FROM graph_form WHERE what = 'alias'",
        "DELETE FROM graph_mention WHERE char_start = 0",
        "DELETE FROM graph_part WHERE name = 'Kent'",
        "DELETE FROM graph_part",
        "DELETE FROM graph_relation WHERE kind = 'together'",
    ],
)
def test_the_doctor_finds_what_does_not_agree(catalog: SqliteCatalog, tmp_path: Path, damage: str) -> None:
    _add(catalog, "one.txt", _ONE, _LONG)
    _add(catalog, "two.txt", _TWO, _LONG)
    catalog.merge_entities(_id("Cy"), _id("Bob"))
    catalog.hide_entity(_id("Kent"))
    every = [*EntityKind]
    before = [catalog.find_entities("", 100, every, hidden) for hidden in (False, True)]
    assert _errors(catalog) == []
    other = sqlite3.connect(tmp_path / "catalog.db")
    other.execute(damage)
    other.commit()
    other.close()
    found = _errors(catalog)
    assert found and all("name" in finding.message and finding.fixable for finding in found)
    catalog.recount_graph()
    assert _errors(catalog) == []
    _extract(catalog, _LONG)
    assert [catalog.find_entities("", 100, every, hidden) for hidden in (False, True)] == before
    assert _errors(catalog) == []
