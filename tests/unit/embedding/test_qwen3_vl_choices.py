"""Device, precision and attention by what a machine has; the machine is imitated, since tests have no graphics card."""

from __future__ import annotations

import pytest

from cortex_engine.checkpoints.choices import choose_attention, choose_device, choose_precision
from cortex_engine.core.errors import ModelUnavailableError

pytestmark = pytest.mark.xdist_group("qwen3_vl")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)


@pytest.mark.parametrize(
    ("wanted", "device", "own", "chosen"),
    [
        ("auto", "cpu", "bfloat16", "float32"),
        ("auto", "cuda:1", "bfloat16", "bfloat16"),
        ("auto", "cuda:1", "float32", "bfloat16"),
        ("auto", "cuda", "float16", "float16"),
        ("auto", "mps", "", "bfloat16"),
        ("float32", "cuda", "bfloat16", "float32"),
        ("float16", "cpu", "bfloat16", "float16"),
    ],
)
def test_precision(wanted: str, device: str, own: str, chosen: str, card: None) -> None:
    assert choose_precision(wanted, device, own) == chosen


def test_a_card_without_bfloat16_uses_float16(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert choose_precision("auto", "cuda", "bfloat16") == "float16"


def test_devices(card: None) -> None:
    assert choose_device("") == "cuda"
    assert choose_device("cuda:1") == "cuda:1"
    assert choose_device("cpu") == "cpu"
    for wanted in ("cuda:2", "tpu", "cuda:x"):
        with pytest.raises(ModelUnavailableError, match="cuda:0, cuda:1"):
            choose_device(wanted)


def test_flash_attention_is_used_where_it_can_be_and_its_absence_is_said(
    card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers.utils

    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: False)
    assert "flash-attn is not installed" in choose_attention(True, "cuda", "bfloat16").remark
    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: True)
    assert choose_attention(True, "cuda", "bfloat16").name == "flash_attention_2"
    assert choose_attention(False, "cuda", "bfloat16") == choose_attention(False, "cpu", "float32")
    for device, precision in (("cpu", "float32"), ("mps", "float16"), ("cuda", "float32")):
        attention = choose_attention(True, device, precision)
        assert attention.name == "sdpa"
        assert attention.remark.endswith("used.")
