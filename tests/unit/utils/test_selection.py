"""Which sizes of Qwen3-VL fit which machine: the five tiers, by hand, several cards, other devices."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_engine.utils import smart_model_selector as selector
from cortex_engine.utils.embedding_validator import EMBEDDING_MODELS, RERANKER_MODELS, row_of
from cortex_engine.utils.smart_model_selector import GB, TIERS, Device, Need, Selection, select

GIB = 1024**3
CPU = Device("cpu", 0, "processor", 64 * GB, 60 * GB)
_RANK = {tier.name: rank for rank, tier in enumerate(reversed(TIERS), start=1)} | {"": 0}


def card(free: float, index: int = 0) -> Device:
    return Device("cuda", index, f"card {index}", int(free * GB), int(free * GB))


def needed(selection: Selection) -> list[tuple[str, Need]]:
    """Device and need of each chosen model."""
    chosen = [
        (selection.embedding_device, EMBEDDING_MODELS.get(selection.embedding)),
        (selection.reranker_device, RERANKER_MODELS.get(selection.reranker)),
    ]
    rows = [(where, row_of(name)) for where, name in chosen if name]
    return [(where, Need.of(row)) for where, row in rows if row is not None]


@pytest.mark.parametrize(
    ("free", "tier", "embedding", "reranker", "on_demand"),
    [
        (80, "Premium", "8B", "8B", False),
        (40, "Premium", "8B", "8B", False),
        (39.9, "High", "8B", "2B", False),
        (24, "High", "8B", "2B", False),
        (23.9, "Standard", "8B", "2B", True),
        (16.7, "Standard", "8B", "2B", True),
        (16.0, "Efficient", "2B", "2B", False),  # the weights of 8B alone have 16.3 GB
        (10, "Efficient", "2B", "2B", False),
        (9.9, "Minimal", "2B", "", False),
        (6, "Minimal", "2B", "", False),
        (5.9, "", "", "", False),
    ],
)
def test_the_tiers_by_free_memory_of_one_card(
    free: float, tier: str, embedding: str, reranker: str, on_demand: bool
) -> None:
    found = select([card(free), CPU])
    assert (found.tier, found.embedding, found.reranker, found.on_demand) == (tier, embedding, reranker, on_demand)


@pytest.mark.parametrize(
    ("size", "tier"), [(48, "Premium"), (24, "High"), (16, "Standard"), (12, "Efficient"), (8, "Minimal")]
)
def test_cards_as_they_are_sold_fall_into_the_tier_of_their_size(size: int, tier: str) -> None:
    free = size * GIB - 500_000_000  # a screen and the driver take some
    assert select([Device("cuda", 0, "card", size * GIB, free)]).tier == tier


def test_what_fits_nowhere_is_told_with_figures() -> None:
    found = select([card(5)])
    assert found.embedding == ""
    assert "5.0 GB of free memory" in found.reason
    assert "6.0 GB are needed" in found.reason
    assert "QWEN3_VL_DEVICE=cpu" in select([CPU]).reason
    assert "no device 'cuda:3'" in select([card(50), CPU], device="cuda:3").reason


def test_without_torch_its_absence_is_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector, "version_of", lambda package: "")
    assert "pip install -r requirements-qwen3-vl.txt" in select([CPU]).reason


def test_two_cards_reach_a_tier_that_neither_reaches() -> None:
    found = select([card(17, 0), card(21, 1)])
    assert (found.tier, found.embedding_device, found.reranker_device) == ("Premium", "cuda:0", "cuda:1")
    assert not found.on_demand
    assert select([card(17, 0), card(5.5, 1)]).tier == "High"


def test_the_processor_is_used_only_when_it_is_asked_for_and_is_said_to_be_slow() -> None:
    assert select([CPU]).embedding == ""
    found = select([card(80), CPU], device="cpu")
    assert (found.embedding_device, found.tier) == ("cpu", "By hand")
    assert "slow" in found.reason or "seconds to minutes" in found.reason
    assert (found.embedding, found.reranker) == ("2B", "2B")  # there would be room for 8B, and nobody would wait for it
    small = Device("cpu", 0, "processor", 8 * GB, 8 * GB)  # 2B in float32 takes 8.8 GB
    assert select([small], device="cpu").embedding == ""


def test_apple_memory_counts_as_graphics_memory() -> None:
    found = select([Device("mps", 0, "Apple graphics", 12 * GB, 11 * GB), CPU])
    assert (found.tier, found.embedding_device) == ("Efficient", "mps")


@pytest.mark.parametrize(
    ("free", "embedding", "reranker", "expected"),
    [
        (17, "2B", "auto", ("2B", "2B", False)),
        (17, "8B", "auto", ("8B", "2B", True)),
        (17, "8B", "none", ("8B", "", False)),
        (7, "2B", "2B", ("2B", "2B", True)),
        (12, "auto", "2B", ("2B", "2B", False)),
        (12, "8B", "auto", ("", "", False)),
        (20, "8B", "8B", ("8B", "8B", True)),
        (20, "auto", "none", ("8B", "", False)),
    ],
)
def test_sizes_by_hand(free: float, embedding: str, reranker: str, expected: tuple[str, str, bool]) -> None:
    found = select([card(free)], embedding, reranker)
    assert (found.embedding, found.reranker, found.on_demand) == expected


def test_float32_takes_twice_the_memory() -> None:
    assert select([card(24)]).embedding == "8B"
    assert select([card(24)], single=True).embedding == "2B"


_cards = st.lists(st.integers(0, 90_000_000_000), min_size=1, max_size=3).map(
    lambda sizes: [Device("cuda", index, "card", size, size) for index, size in enumerate(sizes)]
)


@given(_cards, st.integers(0, 50_000_000_000), st.integers(0, 2))
def test_more_memory_never_gives_a_lower_tier(cards: list[Device], more: int, which: int) -> None:
    before = select(cards)
    which %= len(cards)
    larger = Device("cuda", which, "card", cards[which].total_bytes + more, cards[which].free_bytes + more)
    after = select([*cards[:which], larger, *cards[which + 1 :]])
    assert _RANK[after.tier] >= _RANK[before.tier]


@given(
    _cards,
    st.sampled_from(["auto", "2B", "8B"]),
    st.sampled_from(["auto", "2B", "8B", "none"]),
    st.booleans(),
)
def test_what_is_chosen_fits(cards: list[Device], embedding: str, reranker: str, processor: bool) -> None:
    available = [*cards, CPU] if processor else cards
    found = select(available, embedding, reranker)
    if not found.embedding:
        assert found.reason
        return
    assert embedding in {"auto", found.embedding}
    assert reranker in {"auto", found.reranker or "none"}
    for device in available:
        needs = [need.on(device) for where, need in needed(found) if where == device.torch_name]
        together = max(needs, default=0) if found.on_demand else sum(needs)
        assert together <= device.free_bytes


def test_without_torch_there_is_only_the_processor() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from cortex_engine.utils.smart_model_selector import devices\n"
        "print([device.kind for device in devices()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['cpu']"


def test_importing_facts_settings_and_plans_needs_no_torch() -> None:
    modules = "cortex_engine.config, cortex_engine.utils.smart_model_selector, cortex_engine.utils.embedding_validator"
    code = f"import sys\nimport {modules}, cortex_engine.placement, cortex_engine.planning, cortex_engine.rerankers\n"
    code += "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_this_machine_has_a_processor_with_memory() -> None:
    found = selector.devices()
    assert found[-1].kind == "cpu"
    assert 0 < found[-1].free_bytes <= found[-1].total_bytes
