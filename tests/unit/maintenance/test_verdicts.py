"""The verdict on synthetic changes of a space: each kind of change has its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cortex_engine.core.probes import Verdict
from cortex_engine.maintenance.verdicts import HALF, agreement, judge, makes_sense, sense, sentence

Floats = NDArray[np.float32]
_SEEDS = st.integers(0, 2**32 - 1)
_WIDTHS = st.sampled_from((64, 384, 2048))


def units(vectors: NDArray[np.float64]) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def trained(seed: int, width: int, common: float = 1.0) -> Floats:
    """Each query near what it should find; all share a direction, as vectors of real models do."""
    rng = np.random.default_rng(seed)
    topics, noise = rng.normal(size=(HALF, width)), rng.normal(size=(2 * HALF, width))
    shared = rng.normal(size=width)
    return units(np.concatenate([topics, topics]) + 0.6 * noise + common * shared)


def random_weights(seed: int, width: int) -> Floats:
    rng = np.random.default_rng(seed)
    return units(rng.normal(size=(2 * HALF, width)) + 2 * rng.normal(size=width))


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS)
def test_the_same_vectors_are_identical_also_with_the_last_digits_changed(seed: int, width: int) -> None:
    frozen = trained(seed, width)
    noise = np.random.default_rng(seed).normal(size=frozen.shape) * 2e-6 / np.sqrt(width)
    assert judge(frozen, frozen) == (Verdict.IDENTICAL, pytest.approx(1, abs=1e-6))
    assert judge(frozen, (frozen + noise).astype(np.float32))[0] is Verdict.IDENTICAL


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS, st.floats(2e-3, 0.08))
def test_small_noise_is_another_precision(seed: int, width: int, size: float) -> None:
    frozen = trained(seed, width)
    noise = np.random.default_rng(seed + 1).normal(size=frozen.shape) * size / np.sqrt(width)
    verdict, lowest = judge(frozen, units(frozen + noise))
    assert verdict is Verdict.OTHER_PRECISION
    assert 0.99 <= lowest < 1


@settings(deadline=None, max_examples=40)
@given(_SEEDS, st.sampled_from((384, 1024)), st.floats(0.1, 0.9), st.booleans(), st.booleans())
def test_fewer_dimensions_or_a_tail_of_zeros_is_truncated_scaled_or_not(
    seed: int, width: int, share: float, zeros: bool, scaled: bool
) -> None:
    frozen = trained(seed, width)
    kept = max(8, int(width * share))
    now = frozen[:, :kept]
    if scaled:
        now = units(now.astype(np.float64))
    if zeros:
        now = np.concatenate([now, np.zeros((2 * HALF, width - kept), np.float32)], axis=1)
    assert judge(frozen, now)[0] is Verdict.TRUNCATED
    assert judge(now, frozen)[0] is Verdict.TRUNCATED  # and the other way round: more than before


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS, st.floats(1.01, 50), st.booleans())
def test_another_length_is_not_normalised(seed: int, width: int, factor: float, shorter: bool) -> None:
    frozen = trained(seed, width)
    now = frozen / np.float32(factor) if shorter else frozen * np.float32(factor)
    assert judge(frozen, now)[0] is Verdict.NOT_NORMALISED


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS, st.sampled_from((slice(0, HALF), slice(0, None))))
def test_a_common_shift_is_another_prompt(seed: int, width: int, concerned: slice) -> None:
    frozen = trained(seed, width)
    rng = np.random.default_rng(seed + 1)
    now = frozen.astype(np.float64)
    now[concerned] += 0.6 * units(rng.normal(size=(1, width)))
    assert judge(frozen, units(now))[0] is Verdict.OTHER_PROMPT


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS)
def test_a_rotated_space_is_a_different_model_although_all_cosines_within_it_agree(seed: int, width: int) -> None:
    frozen = trained(seed, width)
    order = np.random.default_rng(seed).permutation(width)
    verdict, lowest = judge(frozen, np.ascontiguousarray(frozen[:, order]))
    assert verdict is Verdict.DIFFERENT_MODEL
    assert lowest < 0.9


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS)
def test_a_direction_that_two_models_share_does_not_make_them_one(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    shared = 2 * np.sqrt(width) * units(rng.normal(size=(1, width)))
    frozen, now = (units(np.sqrt(width) * trained(seed + shift, width, common=0) + shared) for shift in (1, 2))
    verdict, lowest = judge(frozen, now)
    assert lowest > 0.5
    assert verdict is Verdict.DIFFERENT_MODEL


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS, st.sampled_from((0, 100, -64)))
def test_a_space_without_sense_is_random_weights_whatever_its_dimension(seed: int, width: int, more: int) -> None:
    frozen = trained(seed, width)
    now = random_weights(seed + 1, max(8, width + more))
    if not makes_sense(now):  # one in a few hundred random spaces looks as if it knew something
        assert judge(frozen, now)[0] is Verdict.RANDOM_WEIGHTS


def test_nothing_is_said_of_random_weights_where_there_was_no_sense_before() -> None:
    assert judge(random_weights(1, 64), random_weights(2, 64))[0] is Verdict.DIFFERENT_MODEL


@pytest.mark.parametrize("broken", [np.nan, np.inf, 0.0])
def test_vectors_without_direction_are_no_vectors(broken: float) -> None:
    now = trained(1, 64)
    now[3] = broken
    assert judge(trained(1, 64), now) == (Verdict.RANDOM_WEIGHTS, -1.0)


@settings(deadline=None, max_examples=40)
@given(_SEEDS, _WIDTHS)
def test_sense_is_measured_on_the_right_pairs(seed: int, width: int) -> None:
    vectors = trained(seed, width)
    assert makes_sense(vectors)
    shifted = [(row + 1) % HALF for row in range(HALF)]
    assert sense(vectors, shifted) < 0.5
    assert makes_sense(np.concatenate([vectors[:HALF], np.roll(vectors[HALF:], 1, axis=0)]), shifted)


def test_random_spaces_hardly_ever_seem_to_make_sense() -> None:
    assert np.mean([makes_sense(random_weights(seed, 384)) for seed in range(500)]) < 0.02


def test_agreement_is_that_of_coordinates() -> None:
    vectors = trained(1, 64).astype(np.float64)
    assert agreement(vectors, vectors) == pytest.approx(1)
    assert agreement(vectors, -vectors) == pytest.approx(-1)
    assert agreement(vectors, np.ones_like(vectors)) == 0


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_a_sentence_that_says_what_to_do(verdict: Verdict) -> None:
    said = sentence(verdict, "tiny", 0.5)
    assert "'tiny'" in said
    assert said.endswith(".")
    assert ("search by words goes on" in said) is not verdict.usable


def test_known_precisions_are_named() -> None:
    assert "(float32 then, bfloat16 now)" in sentence(Verdict.OTHER_PRECISION, "tiny", 0.9998, ("float32", "bfloat16"))
    assert "then" not in sentence(Verdict.OTHER_PRECISION, "tiny", 0.9998, ("float32", "float32"))
