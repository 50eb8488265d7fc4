"""A real BERT cross-encoder of two small layers that learns the probe's pairs in about two seconds."""

from __future__ import annotations

import re
from pathlib import Path

from cortex_engine.checkpoints.torchvision_guard import ensure_torchvision
from cortex_engine.reranking.probe import WORDS

STEPS = 60


def write_cross_encoder(folder: Path, *, trained: bool, labels: int = 1) -> Path:
    """The checkpoint in `folder`, saved by transformers as safetensors."""
    ensure_torchvision()
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(11)
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({word for pair in WORDS for text in pair for word in re.findall(r"\w+", text.lower())})
    letters = [chr(code) for code in range(33, 127)] + list("äöüß東京")
    table = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), *words]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(table)), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=128)
    config = BertConfig(
        vocab_size=len(dict.fromkeys(table)),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        num_labels=labels,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForSequenceClassification(config)
    if trained:
        queries, documents = zip(*WORDS, strict=True)
        pairs = [(query, document) for query in queries for document in documents]
        inputs = tokenizer([pair[0] for pair in pairs], [pair[1] for pair in pairs], padding=True, return_tensors="pt")
        wanted = torch.eye(len(WORDS)).reshape(-1, 1)
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(**inputs).logits, wanted)
            loss.backward()
            optimiser.step()
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
