"""Whatever the order of documents, extractors and edits: the graph is the one that is made of what is left, from scratch."""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cortex_engine.catalog import SqliteCatalog
from cortex_engine.core.errors import NotFoundError, UsageError
from cortex_engine.core.graph import (
    DocumentGraph,
    EntityKind,
    ExtractedEntity,
    GraphEntity,
    Mention,
    Relation,
    RelationKind,
    WaitingGraph,
)
from cortex_engine.core.identifiers import entity_id
from cortex_engine.core.names import fold
from tests.graph_kit import SPEC, prepared

_FORMS = ("Ada", "ADA", "Bob", "Bób", "Cy", "Dee")
_KINDS = (EntityKind.UNKNOWN, EntityKind.PERSON, EntityKind.PLACE)
_TABLES = ("document", "entity", "form", "part", "alias", "mention", "relation")

contents = st.integers(0, 4)
forms = st.sampled_from(_FORMS)
said = st.lists(st.tuples(forms, st.integers(0, 1), st.integers(0, 20)), max_size=5)
"""Form, passage, place."""
kinds = st.dictionaries(forms, st.sampled_from(_KINDS), max_size=3)
aliases = st.dictionaries(forms, st.sampled_from(("Countess", "cy", "Bob")), max_size=2)


def _graph(
    waiting: WaitingGraph, places: list[tuple[str, int, int]], kind: dict[str, EntityKind], alias: dict[str, str]
) -> DocumentGraph:
    entities = [
        ExtractedEntity(form, kind.get(form, EntityKind.UNKNOWN), (alias[form],) if form in alias else ())
        for form in dict.fromkeys(form for form, _, _ in places)
    ]
    mentions, relations = [], []
    for form, passage, at in places:
        chunk = waiting.chunks[passage]
        mentions.append(Mention(form, chunk.chunk_id, chunk.char_start + at, chunk.char_start + at + 3, form))
    for first, second in pairwise(mentions):
        relations.append(Relation(first.name, second.name, RelationKind.TOGETHER, first.chunk_id, 0, first.char_end))
    return DocumentGraph(tuple(entities), tuple(mentions), tuple(relations))


class GraphMachine(RuleBasedStateMachine):
    """The catalog beside a dictionary of what each document says, and what was merged and hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="cortex-graph-", ignore_cleanup_errors=True)
        self.catalog = SqliteCatalog(Path(self.folder.name) / "catalog.db")
        with self.catalog._database.plain() as connection:
            connection.execute("PRAGMA synchronous = OFF")
        self.catalog.create_collection("c", SPEC, "")
        self.parts: dict[str, DocumentGraph] = {}
        self.target: dict[str, str] = {}
        self.hidden: set[str] = set()

    def teardown(self) -> None:
        ids = list(self.parts)
        self.catalog.delete_documents(ids[::2])
        self.catalog.delete_documents(ids[1::2])
        with self.catalog._database.read() as connection:
            left = [connection.execute(f"SELECT count(*) FROM graph_{table}").fetchone()[0] for table in _TABLES]
        assert not any(left), "nothing is left of documents that are gone"
        self.catalog.close()
        self.folder.cleanup()

    @rule(content=contents, places=said, kind=kinds, alias=aliases, other=st.booleans())
    def read(
        self,
        content: int,
        places: list[tuple[str, int, int]],
        kind: dict[str, EntityKind],
        alias: dict[str, str],
        other: bool,
    ) -> None:
        document = prepared(f"{content}.txt", (f"{content} " * 20, f"{content}, " * 20), "b" if other else "a")
        key = self.catalog.commit(document, "c").document_id
        waiting = next(each for each in self.catalog.ungraphed("never", 100) if each.document_id == key)
        self.parts[key] = _graph(waiting, places, kind, alias)
        assert self.catalog.keep_graph(key, "some extractor", self.parts[key])

    @rule(content=contents)
    def delete(self, content: int) -> None:
        keys = [document.id for document in self.catalog.documents() if document.name == f"{content}.txt"]
        self.catalog.delete_documents(keys)
        for key in keys:
            self.parts.pop(key)

    @rule(first=forms, second=forms)
    def merge(self, first: str, second: str) -> None:
        shown = self.shown()
        a, b = (self.root(fold(name)) for name in (first, second))
        one, other = self.terminal(fold(first)), self.terminal(fold(second))
        if a is None or b is None:
            self.refused(NotFoundError, first, second)
            return
        root = fold(second) if one == other else b
        if one == other and root == a:
            self.refused(UsageError, first, second)
            return
        self.catalog.merge_entities(entity_id(fold(first)), entity_id(fold(second)))
        hides = other in self.hidden
        self.target = {name: root if end in (one, other) else end for name, end in self.target.items()}
        self.target |= {one: root, other: root}
        self.target.pop(root)
        self.hidden -= {one, other}
        if hides:
            self.hidden.add(root)
        assert len(shown) >= len(self.shown())

    def refused(self, error: type[Exception], first: str, second: str) -> None:
        try:
            self.catalog.merge_entities(entity_id(fold(first)), entity_id(fold(second)))
        except error:
            return
        raise AssertionError("it was not refused")

    @rule(form=forms)
    def split(self, form: str) -> None:
        if self.root(fold(form)) is not None:
            self.catalog.split_entity(entity_id(fold(form)))
            end = self.terminal(fold(form))
            self.target = {name: other for name, other in self.target.items() if other != end}

    @rule(form=forms, hidden=st.booleans())
    def hide(self, form: str, hidden: bool) -> None:
        if self.root(fold(form)) is not None:
            self.catalog.hide_entity(entity_id(fold(form)), hidden)
            (self.hidden.add if hidden else self.hidden.discard)(self.terminal(fold(form)))

    @rule()
    def recount(self) -> None:
        self.catalog.recount_graph()

    def terminal(self, folded: str) -> str:
        return self.target.get(folded, folded)

    def mentions(self) -> dict[str, set[tuple[str, str, int]]]:
        """Folded name -> document, passage, place."""
        found: dict[str, set[tuple[str, str, int]]] = {}
        for key, part in self.parts.items():
            for each in part.mentions:
                found.setdefault(fold(each.name), set()).add((key, each.chunk_id, each.char_start))
        return found

    def root(self, folded: str) -> str | None:
        """Under which of the names that are there a name is shown."""
        return next((root for root, members in self.groups().items() if folded in members), None)

    def groups(self) -> dict[str, set[str]]:
        mentions = self.mentions()
        by_end: dict[str, set[str]] = {}
        for name in mentions:
            by_end.setdefault(self.terminal(name), set()).add(name)
        return {
            end if end in members else min(members, key=lambda name: (-len(mentions[name]), entity_id(name))): members
            for end, members in by_end.items()
        }

    def shown(self) -> dict[str, GraphEntity]:
        """What must be shown, by id."""
        mentions, found = self.mentions(), {}
        for root, members in self.groups().items():
            places = set().union(*(mentions[name] for name in members))
            kinds = {name: self.kind(name) for name in members}
            heaviest = sorted(members, key=lambda name: (-len(mentions[name]), entity_id(name)))
            kind = kinds[root] or next((kinds[name] for name in heaviest if kinds[name]), EntityKind.UNKNOWN)
            found[entity_id(root)] = GraphEntity(
                entity_id(root),
                self.name(root),
                kind,
                tuple(sorted(self.others(members) - {root})),
                sum(len(mentions[name]) for name in members),
                len({place[0] for place in places}),
                len({place[1] for place in places}),
                hidden=self.terminal(root) in self.hidden,
            )
        return found

    def name(self, folded: str) -> str:
        """The most frequent form; each document uses its first one."""
        count: Counter[str] = Counter()
        for part in self.parts.values():
            first = next((each.name for each in part.entities if fold(each.name) == folded), "")
            if first:
                places = {each.char_start for each in part.mentions if fold(each.name) == folded}
                count[first] += len(places)
        return min(count, key=lambda form: (-count[form], form))

    def kind(self, folded: str) -> EntityKind:
        """What most documents say; each one the first kind that it knows."""
        count: Counter[EntityKind] = Counter()
        for part in self.parts.values():
            known = [each.kind for each in part.entities if fold(each.name) == folded and each.kind]
            count.update(known[:1])
        return min(count, key=lambda kind: (-count[kind], kind), default=EntityKind.UNKNOWN)

    def others(self, members: set[str]) -> set[str]:
        given = {
            fold(alias)
            for part in self.parts.values()
            for each in part.entities
            if fold(each.name) in members
            for alias in each.aliases
        }
        return members | given

    @invariant()
    def the_graph_is_that_of_what_is_left(self) -> None:
        found = {each.id: each for hidden in (False, True) for each in self.catalog.find_entities("", 100, (), hidden)}
        plain = {
            key: GraphEntity(
                key,
                each.name,
                each.kind,
                tuple(sorted(map(fold, each.aliases))),
                each.mentions,
                each.documents,
                each.passages,
                hidden=each.hidden,
            )
            for key, each in found.items()
        }
        assert plain == self.shown()
        assert [each for each in self.catalog.check() if each.severity == "error"] == []

    @invariant()
    def columns_hold_what_is_not_hidden(self) -> None:
        rows = self.catalog.graph_rows()
        shown = {key: each for key, each in self.shown().items() if not each.hidden}
        assert list(rows.entity_ids) == sorted(shown)
        passages = Counter(rows.entity_ids[number] for number in rows.mention_entity)
        assert passages == {key: each.passages for key, each in shown.items()}
        root = {name: end for end, members in self.groups().items() for name in members}
        pairs = {
            frozenset((entity_id(root[fold(one.source)]), entity_id(root[fold(one.target)])))
            for part in self.parts.values()
            for one in part.relations
        }
        there = {
            frozenset((rows.entity_ids[a], rows.entity_ids[b]))
            for a, b in zip(rows.relation_source, rows.relation_target, strict=True)
        }
        assert there == {pair for pair in pairs if len(pair) == 2 and pair <= set(shown)}


TestGraphMachine = GraphMachine.TestCase
TestGraphMachine.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
