"""The prompt of Qwen3-VL rerankers, as the official code assembles it, as one chat template.

It renders the roles that sentence-transformers gives a pair: system (the instruction), query, document. Each character counts:
a line break before <Query>: or an empty <think> block moves scores by 0.3 to 0.6.
"""

from __future__ import annotations

DEFAULT_INSTRUCTION = "Given a search query, retrieve relevant candidates that answer the query."
"""Of the official code."""

_PARTS = """\
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
"""

_SYSTEM = (
    "<|im_start|>system\\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".<|im_end|>\\n'
)

CHAT_TEMPLATE = (
    _PARTS
    + f"""\
{{%- set ns = namespace(instruct='{DEFAULT_INSTRUCTION}', query='', document='') -%}}
{{%- for message in messages -%}}
{{%- if message.role == 'system' -%}}{{%- set ns.instruct = parts(message.content) -%}}
{{%- elif message.role == 'query' -%}}{{%- set ns.query = parts(message.content) -%}}
{{%- elif message.role == 'document' -%}}{{%- set ns.document = parts(message.content) -%}}
{{%- endif -%}}
{{%- endfor -%}}
{{{{- '{_SYSTEM}' -}}}}
{{{{- '<|im_start|>user\\n<Instruct>: ' + ns.instruct -}}}}
{{{{- '<Query>:' + ns.query + '\\n<Document>:' + ns.document + '<|im_end|>\\n' -}}}}
{{{{- '<|im_start|>assistant\\n' -}}}}
"""
)
