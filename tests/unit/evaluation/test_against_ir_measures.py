"""Our metrics beside those of ir-measures (which runs trec_eval), on rankings and judgements drawn at random."""

from __future__ import annotations

import random

import ir_measures
import pytest

from cortex_engine.evaluation.metrics import measures

THEIRS = {
    "ndcg@10": ir_measures.nDCG @ 10,
    "mrr": ir_measures.RR,
    **{f"recall@{k}": ir_measures.R @ k for k in (1, 5, 10, 20, 100)},
}


def test_the_same_figures_as_trec_eval():
    generator = random.Random(11)
    documents = [f"d{n}" for n in range(300)]
    for _ in range(40):
        judged = generator.sample(documents, generator.randint(1, 60))
        grades = {document: generator.choice([0, 1, 1, 2, 3]) for document in judged} | {judged[0]: 1}
        ranking = generator.sample(documents, generator.randint(1, 150))
        run = {"q": {document: -float(rank) for rank, document in enumerate(ranking)}}
        found = ir_measures.calc_aggregate(THEIRS.values(), {"q": grades}, run)
        ours = measures(ranking, grades)
        assert ours == pytest.approx({name: found[measure] for name, measure in THEIRS.items()}, abs=1e-4)
