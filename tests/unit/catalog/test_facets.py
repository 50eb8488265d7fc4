"""Facets against the plain definition, for any filters, by either way of reading."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from cortex_engine.catalog import SqliteCatalog, facets
from cortex_engine.core.documents import DocumentInfo
from cortex_engine.core.search import Filters

_TYPES, _LANGUAGES, _TAGS, _PLACES = ("pdf", "email", "text"), ("en", "de", ""), ("red", "blue"), ("home", "letters")


@pytest.fixture
def filled(catalog: SqliteCatalog, prepare, spec) -> SqliteCatalog:
    catalog.create_collection("letters", spec)
    random = Random(3)
    for number in range(60):
        info = DocumentInfo(
            random.choice(_TYPES),
            title=random.choice(("Honey", "Wax")),
            language=random.choice(_LANGUAGES),
            modified=random.choice(("", "2020-01-01", "2024-01-01")),
        )
        key = catalog.commit(prepare(f"{number}", info=info), random.choice(_PLACES)).document_id
        catalog.set_tags(key, random.sample(_TAGS, random.randint(0, 2)))
        if not number % 5:
            catalog.add_to_collection("home", [key])
    return catalog


@pytest.mark.parametrize("few", [0, 2000])
def test_each_count_is_what_choosing_the_value_would_give(
    filled: SqliteCatalog, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "_FEW", few)
    random = Random(few)
    values = {"types": _TYPES, "languages": _LANGUAGES[:2], "tags": _TAGS, "collections": _PLACES}
    seen = 0
    for _ in range(60):
        chosen = {kind: tuple(random.sample(known, random.choice((0, 0, 1, 2)))) for kind, known in values.items()}
        filters = Filters(**chosen, title=random.choice(("", "honey")), date_from=random.choice(("", "2021-01-01")))
        found = filled.facets(filters)
        assert found.documents == filled.count_documents(filters)
        for kind, known in values.items():
            expected = {one: filled.count_documents(replace(filters, **{kind: (one,)})) for one in known}
            counts = getattr(found, kind)
            assert counts == {one: count for one, count in expected.items() if count}, (filters, kind)
            assert list(counts.values()) == sorted(counts.values(), reverse=True)
            seen += len(counts)
    assert seen > 100
