"""A tiny Qwen2 chat model made on the spot: random weights, a byte-level tokenizer, a ChatML template."""

from __future__ import annotations

from pathlib import Path

_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_chat_model(folder: Path) -> Path:
    """Write the checkpoint into `folder`; what it says is nonsense, always the same."""
    import torch

    from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision

    ensure_torchvision()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"Ġ{word}" for word in ("green", "puffin", "moon", "sings", "loud", "[1].", "[7].", "quickly", "twice")]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: number for number, token in enumerate([*letters, *words])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=_TEMPLATE
    )
    fast.save_pretrained(folder)
    torch.manual_seed(11)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        initializer_range=0.3,
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config)
    spoken = {vocabulary[word] for word in words}
    with torch.no_grad():  # it speaks in words, not in bytes
        model.lm_head.weight[[number for number in range(len(fast)) if number not in spoken]] = 0.0
    model.save_pretrained(folder)
    return folder


SERVE = (
    "from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision; ensure_torchvision(); "
    "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"
)
"""`transformers serve` for `python -c`, with a torchvision that may not fit torch."""
