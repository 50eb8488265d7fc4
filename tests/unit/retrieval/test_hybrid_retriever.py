"""The query line over stand-ins: what it finds, what it says, and what it never hides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cortex_engine.core.errors import (
    ConfigError,
    IndexUnavailableError,
    ModelMismatchError,
    ModelUnavailableError,
    NotFoundError,
    UsageError,
)
from cortex_engine.core.options import SearchOptions
from cortex_engine.core.search import Filters, Query, SearchMode
from cortex_engine.retrieval.hybrid import DenseStores


def ids(result) -> list[str]:
    return [hit.chunk_id for hit in result.hits]


def test_each_mode_finds_what_its_recaller_knows(library):
    search = library.retriever.retrieve
    assert ids(search(Query("boat", SearchMode.LEXICAL))) == ["c2", "c1"]
    assert ids(search(Query("boat", SearchMode.VECTOR, top_k=3))) == ["c3", "c1", "c2"]
    hybrid = search(Query("boat", top_k=3))
    assert set(ids(hybrid)) == {"c1", "c2", "c3"}
    assert hybrid.degraded == () and hybrid.warnings == ()


def test_hits_tell_true_scores_and_ranks_of_every_stage(library):
    result = library.retriever.retrieve(Query("boat", top_k=3, candidates=1))
    by_id = {hit.chunk_id: hit for hit in result.hits}
    assert ids(result) == sorted(by_id, key=lambda c: by_id[c].rank)
    vector, lexical = by_id["c3"].stages["vector"], by_id["c3"].stages["lexical"]
    assert (vector.rank, vector.score) == (1, pytest.approx(1.0))
    assert (lexical.rank, lexical.score) == (None, 0.0), "not a lexical candidate, yet its true score is shown"
    assert by_id["c2"].stages["fusion"].rank == by_id["c2"].rank
    assert by_id["c2"].score == by_id["c2"].stages["fusion"].score


def test_trace_names_every_stage_in_order(library):
    trace = library.retriever.retrieve(Query("boat")).trace
    assert [step.stage for step in trace.steps] == [
        "parse query",
        "scope",
        "embed",
        "lexical",
        "vector",
        "score",
        "characters",
        "fusion",
        "present",
        "evidence",
    ]
    fusion = next(step for step in trace.steps if step.stage == "fusion")
    assert fusion.facts["method"] == "standardised"


def test_filters_act_inside_both_recallers(library):
    query = Query("boat", filters=Filters(documents=("d3", "d4")), top_k=10, candidates=1)
    assert set(ids(library.retriever.retrieve(query))) <= {"c4", "c5", "c6"}
    assert ids(library.retriever.retrieve(query)), "a filter after the search would have left nothing"


def test_unknown_collection_is_an_error(library):
    with pytest.raises(NotFoundError, match="nowhere"):
        library.retriever.retrieve(Query("boat", filters=Filters(collections=("nowhere",))))


def test_empty_scope_is_said(library):
    result = library.retriever.retrieve(Query("boat", filters=Filters(documents=("none",))))
    assert result.hits == () and "No document with text meets the filters." in result.warnings
    library.records.by_id.clear()
    assert "nothing to search yet" in library.retriever.retrieve(Query("boat")).warnings[0]


def test_a_filter_value_that_no_document_has_is_named(library):
    result = library.retriever.retrieve(Query("boat", filters=Filters(documents=("d1", "bOat.txt"))))
    assert result.hits
    assert result.warnings == ("There is no document 'bOat.txt'. Check the filter.",)
    many = tuple(f"x{number}" for number in range(7))
    (sentence, _) = library.retriever.retrieve(Query("boat", filters=Filters(documents=many))).warnings
    assert sentence.startswith("There is no document 'x0' or 'x1'")
    assert "'x4' (and 2 others)." in sentence and "x5" not in sentence


@pytest.mark.parametrize("mode", list(SearchMode))
def test_phrases_and_exclusions_hold_in_every_mode(library, mode):
    assert "c2" not in ids(library.retriever.retrieve(Query("boat -builder", mode)))
    assert ids(library.retriever.retrieve(Query('"tax law" boat', mode, top_k=10, candidates=2)))
    found = ids(library.retriever.retrieve(Query('boat "on the lake"', mode)))
    assert found == ["c1"]


def test_a_phrase_far_from_the_nearest_vectors_is_still_found_by_vectors(library):
    result = library.retriever.retrieve(Query('boat "law again"', SearchMode.VECTOR, top_k=1, candidates=1))
    assert ids(result) == ["c6"]


def test_grouped_results_have_one_hit_a_document_and_count_the_rest(library):
    result = library.retriever.retrieve(Query("boat", top_k=4, group=True))
    documents = [hit.document_id for hit in result.hits]
    assert len(documents) == len(set(documents)) == 4
    more = {hit.document_id: hit.more for hit in result.hits}
    assert more["d1"] == 1 and more["d2"] == 0


def test_grouping_fetches_more_candidates_until_there_are_enough_documents(library):
    result = library.retriever.retrieve(Query("boat", SearchMode.VECTOR, top_k=4, group=True, candidates=1))
    assert len(result.hits) == 4


def test_at_most_so_many_hits_of_one_document(library):
    library.options = SearchOptions(max_per_document=1)
    documents = [hit.document_id for hit in library.retriever.retrieve(Query("boat tax")).hits]
    assert len(documents) == len(set(documents))


def test_hits_that_the_catalog_does_not_know_are_dropped_and_replaced(library):
    del library.records.by_id["c3"]
    result = library.retriever.retrieve(Query("boat", SearchMode.VECTOR, top_k=2, candidates=2))
    assert ids(result) == ["c1", "c2"]


def test_model_that_cannot_load_leaves_keyword_search_and_says_so(library):
    library.model.error = ModelUnavailableError("The model 'toy' cannot be loaded: no network. Do this.")
    result = library.retriever.retrieve(Query("boat"))
    assert ids(result) == ["c2", "c1"] and result.degraded == ("vector",)
    assert "no network" in result.warnings[0] and "keywords" in result.warnings[0]
    with pytest.raises(ModelUnavailableError, match="no network"):
        library.retriever.retrieve(Query("boat", SearchMode.VECTOR))


def test_lexical_index_that_is_missing_leaves_vector_search_and_says_so(library):
    library.lexical_error = IndexUnavailableError("The keyword index is damaged.")
    result = library.retriever.retrieve(Query("boat", top_k=1))
    assert ids(result) == ["c3"] and result.degraded == ("lexical",)
    with pytest.raises(IndexUnavailableError, match="damaged"):
        library.retriever.retrieve(Query("boat", SearchMode.LEXICAL))


def test_indexes_that_fail_during_the_search_count_as_lost(library):
    library.words.error = IndexUnavailableError("words broke")
    assert library.retriever.retrieve(Query("boat")).degraded == ("lexical",)
    library.words.error = None
    library.store.error = IndexUnavailableError("vectors broke")
    assert library.retriever.retrieve(Query("boat")).degraded == ("vector",)
    library.words.error = IndexUnavailableError("words broke")
    with pytest.raises(IndexUnavailableError):
        library.retriever.retrieve(Query("boat"))


@pytest.mark.parametrize("mode", [SearchMode.HYBRID, SearchMode.VECTOR])
def test_phrases_that_nobody_can_check_are_an_error(library, mode):
    library.lexical_error = IndexUnavailableError("The keyword index is damaged.")
    with pytest.raises(IndexUnavailableError, match="Phrases in quotes"):
        library.retriever.retrieve(Query("boat -lake", mode))


def test_both_recallers_lost_is_an_error_never_an_empty_result(library):
    library.lexical_error = IndexUnavailableError("words broke")
    library.model.error = ModelUnavailableError("model broke")
    with pytest.raises((IndexUnavailableError, ModelUnavailableError)):
        library.retriever.retrieve(Query("boat"))


def test_another_model_than_the_one_embedded_with_is_refused(library):
    library.model.spec = replace(library.spec, revision="2")
    with pytest.raises(ModelMismatchError, match="revision 2"):
        library.retriever.retrieve(Query("boat", SearchMode.VECTOR))
    assert library.retriever.retrieve(Query("boat")).degraded == ("vector",)


def test_no_vectors_yet(library):
    library.records.specs_by_id.clear()
    with pytest.raises(IndexUnavailableError, match="vectors"):
        library.retriever.retrieve(Query("boat", SearchMode.VECTOR))
    assert library.retriever.retrieve(Query("boat")).degraded == ("vector",)


@pytest.mark.parametrize(
    "query",
    [Query("boat", top_k=0), Query("boat", top_k=1001), Query("boat", candidates=-1), Query("  "), Query("-boat")],
)
def test_queries_without_sense_are_refused_with_a_sentence(library, query):
    with pytest.raises(UsageError, match=r"\.$"):
        library.retriever.retrieve(query)


def test_unknown_fusion_method_is_refused(library):
    library.options = SearchOptions(fusion="magic")
    with pytest.raises(ConfigError, match="reciprocal_rank"):
        _ = library.retriever


def test_plain_reciprocal_rank_can_be_chosen(library):
    library.options = SearchOptions(fusion="reciprocal_rank")
    result = library.retriever.retrieve(Query("boat", top_k=1))
    assert ids(result) == ["c2"], "first by words, third by vectors; c1 is second in both and scores a hair less"
    assert result.hits[0].score == pytest.approx(1 / 61 + 1 / 63)


def test_large_collections_ask_the_approximate_store_and_filtered_ones_are_scanned(library):
    library.options = SearchOptions(exact_below=1)
    approximate = library.nearest_only()
    library.stores[library.spec.id] = DenseStores(library.store, approximate)
    plain = library.retriever.retrieve(Query("boat", top_k=3))
    assert approximate.calls == 1 and plain.degraded == ()
    library.retriever.retrieve(Query("boat", filters=Filters(documents=("d1",))))
    assert approximate.calls == 1
    library.options = SearchOptions()
    assert ids(library.retriever.retrieve(Query("boat", top_k=3))) == ids(plain)
    assert approximate.calls == 1


def test_approximate_store_that_fails_is_replaced_by_a_scan_and_said(library):
    library.options = SearchOptions(exact_below=1)
    approximate = library.nearest_only()
    approximate.error = IndexUnavailableError("It is damaged.")
    library.stores[library.spec.id] = DenseStores(library.store, approximate)
    result = library.retriever.retrieve(Query("boat", top_k=3))
    assert len(result.hits) == 3 and result.degraded == ("approximate",) and "damaged" in result.warnings[0]
    library.stores[library.spec.id] = DenseStores(library.store)
    assert library.retriever.retrieve(Query("boat")).degraded == ("approximate",)
    library.options = SearchOptions()
    assert library.retriever.retrieve(Query("boat")).degraded == (), "not needed, so nothing is amiss"


def test_without_moments_ranks_are_fused_and_that_is_said(library):
    library.stores[library.spec.id] = DenseStores(None, library.nearest_only())
    result = library.retriever.retrieve(Query("boat", top_k=3))
    assert result.degraded == ("fusion",) and "ranks were fused" in result.warnings[0]
    assert set(ids(result)) == {"c1", "c2", "c3"}


def test_collections_of_two_models_are_searched_together(library):
    other = library.move_to_model("other", "c3", "c6")
    result = library.retriever.retrieve(Query("boat", SearchMode.VECTOR, top_k=6))
    assert set(ids(result)) == {"c1", "c2", "c3", "c4", "c5", "c6"}
    assert set(ids(result)[:3]) == {"c1", "c2", "c3"}
    assert {h.chunk_id: h.stages["vector"].score for h in result.hits}["c3"] == pytest.approx(1.0), "the true cosine"
    other.error = ModelUnavailableError("no network")
    assert library.retriever.retrieve(Query("boat")).degraded == ("vector",)


def test_unknown_dense_stores_are_an_error(library):
    library.stores[library.spec.id] = DenseStores()
    with pytest.raises(IndexUnavailableError, match="rebuild"):
        library.retriever.retrieve(Query("boat", SearchMode.VECTOR))
