"""Which finds of a document are one entity, and what it is called: short forms, legal forms, plurals, spellings in capitals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cortex_engine.core.graph import EntityKind, ExtractedEntity
from cortex_engine.core.names import fold
from cortex_engine.graph.finds import Find
from cortex_engine.graph.kinds import has_legal_form, is_organisation_head, without_legal_form
from cortex_engine.graph.lexicon import listed

_FIXED = frozenset({EntityKind.EMAIL, EntityKind.DATE, EntityKind.AMOUNT})
_MOST_ALIASES = 12
_DOMINANT = 5
"""Times that one of several people of one family name must be named more often than the next for the bare name to mean him."""
_LONG_FORMS = frozenset({"corporation", "company", "limited", "incorporated"})
"""Legal forms that belong to many an official name: left off only where the text does so."""


@dataclass(slots=True)
class _Group:
    """All finds of one folded name."""

    folded: str
    forms: Counter[str] = field(default_factory=Counter)
    kinds: Counter[EntityKind] = field(default_factory=Counter)
    date: str = ""
    strong: bool = False
    prose: bool = False
    into: str = ""

    @property
    def kind(self) -> EntityKind:
        return self.kinds.most_common(1)[0][0] if self.kinds else EntityKind.UNKNOWN

    @property
    def name(self) -> str:
        """The most frequent spelling that is not all in capitals, where there is one of more than one word."""
        return max(
            self.forms,
            key=lambda form: (not (form.isupper() and (" " in form or len(form) > 5)), self.forms[form], form),
        )

    @property
    def words(self) -> list[str]:
        return self.name.split()


class Naming:
    """Canonical names of a document's finds."""

    def __init__(self, finds: Sequence[Find], common: frozenset[str] = frozenset()) -> None:
        self._common = common
        self._groups: dict[str, _Group] = {}
        for find in finds:
            self._count(find)
        self._merge_legal_forms()
        self._merge_articles()
        self._merge_people()
        self._merge_heads()
        self._merge_plurals()

    def canonical(self, name: str) -> str:
        """What the entity of this name is called, "" where it is none."""
        group = self._root(fold(name))
        return group.name if group is not None and group.strong else ""

    def entities(self, used: Iterable[str], surfaces: dict[str, set[str]]) -> tuple[ExtractedEntity, ...]:
        """The entities of these canonical names, with the surface forms that mean them."""
        wanted, done = set(used), {}
        for group in self._groups.values():
            root = self._root(group.folded)
            if root is None or root.name not in wanted or root.name in done:
                continue
            forms = {form for form in surfaces.get(root.name, set()) if form != root.name}
            aliases = tuple(sorted(forms, key=lambda form: (len(form), form))[:_MOST_ALIASES])
            done[root.name] = ExtractedEntity(root.name, self._kind(root), aliases, root.date)
        return tuple(done.values())

    def _kind(self, root: _Group) -> EntityKind:
        if root.kind is EntityKind.UNKNOWN and _is_short_form(root.name):
            return EntityKind.ABBREVIATION
        return root.kind

    def _count(self, find: Find) -> None:
        folded = fold(find.name)
        if not folded:
            return
        group = self._groups.setdefault(folded, _Group(folded))
        group.forms[find.name] += 1
        group.strong = group.strong or not find.weak
        group.prose = group.prose or (find.prose and not find.weak)
        group.date = group.date or find.date
        if find.kind is not EntityKind.UNKNOWN:
            group.kinds[find.kind] += 1

    def _root(self, folded: str) -> _Group | None:
        group = self._groups.get(folded)
        for _ in range(8):
            if group is None or not group.into:
                break
            group = self._groups.get(group.into)
        return group

    def _own(self) -> list[_Group]:
        """Groups that are not merged into another one, but dates and the like."""
        return [group for group in self._groups.values() if not group.into and group.kind not in _FIXED]

    def _join(self, short: _Group, whole: _Group) -> None:
        if short is whole or self._root(whole.folded) is short:
            return
        short.into = whole.folded
        if whole.kind is EntityKind.UNKNOWN and short.kind is not EntityKind.UNKNOWN:
            whole.kinds.update(short.kinds)

    def _merge_legal_forms(self) -> None:
        for group in sorted(self._own(), key=lambda each: each.words[-1].rstrip(".").lower() in _LONG_FORMS):
            bare = without_legal_form(group.name)
            if bare == group.name or not group.strong:
                continue
            alone = self._groups.get(fold(bare))
            short = group.words[-1].rstrip(".").lower() not in _LONG_FORMS
            if alone is None and short and (" " in bare or bare.lower() not in self._common):
                alone = self._groups.setdefault(fold(bare), _Group(fold(bare), Counter({bare: 1})))
            if alone is None or alone.into:
                continue
            alone.strong = True
            if has_legal_form(group.name):
                alone.kinds = Counter({EntityKind.ORGANISATION: 1})
            self._join(group, alone)

    def _merge_articles(self) -> None:
        for group in self._own():
            if group.folded.startswith("the "):
                bare = self._groups.get(group.folded[4:])
                if bare is not None and not bare.into and (bare.strong or not group.strong):
                    self._join(group, bare)

    def _merge_people(self) -> None:
        """ "Gates" into "Bill Gates", "George Hauser" into "George F. Hauser", where one person only can be meant."""
        ends: dict[str, set[str]] = defaultdict(set)
        whole = [group for group in self._own() if group.strong and self._is_person_like(group)]
        for group in whole:
            first, *middle, last = group.folded.split()
            outer = self._groups.get(f"{first} {last}")
            if outer is not None and middle and not outer.into and all(len(word) == 1 for word in middle):
                self._join(outer, group)
        for group in whole:
            if not group.into:
                words = group.folded.split()
                ends[words[-1]].add(group.folded)
                if group.kind is EntityKind.PERSON:
                    ends[words[0]].add(group.folded)
        for group in self._own():
            words = group.folded.split()
            if words[-1] in ends and self._may_be_person(group):
                ends[words[-1]].add(group.folded)
        for word, names in ends.items():
            short = self._groups.get(word)
            if short is None or short.into or listed(word) in {"country", "place", "demonym"}:
                continue
            meant = self._dominant(names)
            if meant and short.kind in {EntityKind.UNKNOWN, EntityKind.PERSON} and not _is_short_form(short.name):
                self._join(short, self._groups[meant])

    def _dominant(self, names: set[str]) -> str:
        """The one name that is named by far more often than all others, "" for none."""
        ranked = sorted(names, key=lambda name: (-self._groups[name].forms.total(), name))
        if len(ranked) > 1:
            first, second = (self._groups[name].forms.total() for name in ranked[:2])
            if first < _DOMINANT * second:
                return ""
        return ranked[0]

    def _may_be_person(self, group: _Group) -> bool:
        """Two or three words, the first one of which could be a first name."""
        first, *others = group.words
        known = first.isalpha() and first[1:].islower() and first.lower() not in self._common
        return (
            group.strong and len(others) in {1, 2} and known and "&" not in others and group.kind is EntityKind.UNKNOWN
        )

    def _is_person_like(self, group: _Group) -> bool:
        words = group.words
        if group.kind not in {EntityKind.PERSON, EntityKind.UNKNOWN} or not 2 <= len(words) <= 4:
            return False
        if any(any(map(str.isdigit, word)) or word in {"of", "&", "for", "the", "and"} for word in words) or listed(
            group.folded
        ):
            return False
        if group.kind is EntityKind.PERSON:
            return True
        if not group.prose or not all(word.isalpha() and word[1:].islower() for word in words if len(word) > 2):
            return False
        return not any(
            word.lower() in self._common or (word.isupper() and len(word) > 2) or listed(fold(word)) for word in words
        )

    def _merge_heads(self) -> None:
        """ "the Bank" into "Union Bank", where it is the only one."""
        ends: dict[str, set[str]] = defaultdict(set)
        for group in self._own():
            if group.strong and len(group.words) > 1 and is_organisation_head(group.words[-1]):
                ends[group.folded.split()[-1]].add(group.folded)
        for word, names in ends.items():
            short = self._groups.get(word)
            if short is not None and not short.into and len(names) == 1 and short.kind is EntityKind.UNKNOWN:
                self._join(short, self._groups[next(iter(names))])

    def _merge_plurals(self) -> None:
        for group in self._own():
            single = self._groups.get(group.folded[:-1]) if group.folded.endswith("s") else None
            if single is None or single.into or not single.strong or " " in group.folded:
                continue
            if _is_short_form(single.name) or single.folded in self._common:
                self._join(group, single)


def _is_short_form(name: str) -> bool:
    """All in capitals, and short: IBM, 6PR, AT&T."""
    return 2 <= len(name) <= 6 and " " not in name and name.isupper() and any(map(str.isalpha, name))
