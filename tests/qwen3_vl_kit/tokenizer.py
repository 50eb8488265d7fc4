"""The tokenizer and chat templates of the tiny checkpoints: byte-level BPE with the special tokens of Qwen."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
WORDS = """
yes no system user assistant Judge whether the Document meets requirements based on Query and Instruct
provided Note that answer can only be or Represent input Retrieve images text relevant to query Given a
search retrieve candidates web passages red green blue yellow purple orange black white gray cyan circle
square triangle cross star ring small large big left right top bottom page chart report table revenue
invoice quarterly annual figure document picture image shows photo of an in is are with without drawn
shape colour color find which what where how many people live question Find NULL cat dog beach sunset
woman playing her one two three four five six seven eight nine ten
""".split()  # noqa: SIM905  (a list of a hundred strings is no easier to read)


PLAIN_SPECIAL = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def byte_alphabet() -> list[str]:
    """The printable stand-ins which byte-level BPE uses for the 256 bytes."""
    keep = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    table, extra = {}, 0
    for byte in range(256):
        if byte in keep:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(256 + extra)
            extra += 1
    return [table[b] for b in range(256)]


def train_merges() -> tuple[list[list[str]], dict[str, int]]:
    """Plain BPE over the words, with and without a leading space, until each is one token: commonest pair first."""
    alphabet = byte_alphabet()
    vocabulary = {character: index for index, character in enumerate(sorted(alphabet, key=ord))}
    merges: list[list[str]] = []
    words = [list(word) for word in dict.fromkeys(WORDS)] + [
        [alphabet[ord(" ")], *word] for word in dict.fromkeys(WORDS)
    ]
    while counts := Counter(pair for word in words for pair in pairwise(word)):
        left, right = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append([left, right])
        vocabulary[left + right] = len(vocabulary)
        for word in words:
            merge(word, left, right)
    return merges, vocabulary


def merge(word: list[str], left: str, right: str) -> None:
    """Join each `left`, `right` in place."""
    place = 0
    while place < len(word) - 1:
        if word[place] == left and word[place + 1] == right:
            word[place : place + 2] = [left + right]
        place += 1


def build_tokenizer() -> tuple[dict[str, Any], dict[str, int]]:
    """The content of `tokenizer.json`, and token -> id."""
    merges, vocabulary = train_merges()
    special_ids = {token: len(vocabulary) + index for index, token in enumerate(SPECIALS)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": QWEN_SPLIT}, "behavior": "Isolated", "invert": False}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": index, "content": token, **PLAIN_SPECIAL} for token, index in special_ids.items()],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }
    return document, {**vocabulary, **special_ids}


def tokenizer_config(ids: dict[str, int]) -> dict[str, Any]:
    """The content of `tokenizer_config.json`."""
    return {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 32768,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "unk_token": None,
        "additional_special_tokens": SPECIALS[1:],
        "added_tokens_decoder": {
            str(ids[token]): {
                "content": token,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for token in SPECIALS
        },
    }


CHAT_TEMPLATE = """\
{%- macro parts(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for item in content -%}
{%- if item.type == 'image' or 'image' in item or 'image_url' in item -%}
{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif item.type == 'video' or 'video' in item -%}
{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}
{%- elif 'text' in item -%}{{- item.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{%- if message.role in ['system', 'user', 'assistant'] -%}
{{- '<|im_start|>' + message.role + '\\n' + parts(message.content) + '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

# The layout which the official reranker assembles in code, as one template over the roles that
# sentence-transformers gives a pair: system (the instruction, optional), query, document.
RERANKER_TEMPLATE = """\
{%- macro parts(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for item in content -%}
{%- if item.type == 'image' or 'image' in item or 'image_url' in item -%}
{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif item.type == 'video' or 'video' in item -%}
{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}
{%- elif 'text' in item -%}{{- item.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- set ns = namespace(instruct='Given a search query, retrieve relevant candidates that answer the query.', query='', document='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{%- set ns.instruct = parts(message.content) -%}
{%- elif message.role == 'query' -%}{%- set ns.query = parts(message.content) -%}
{%- elif message.role == 'document' -%}{%- set ns.document = parts(message.content) -%}
{%- endif -%}
{%- endfor -%}
{{- '<|im_start|>system\\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\\n' -}}
{{- '<|im_start|>user\\n<Instruct>: ' + ns.instruct + '<Query>:' + ns.query + '\\n<Document>:' + ns.document + '<|im_end|>\\n' -}}
{{- '<|im_start|>assistant\\n' -}}
"""
