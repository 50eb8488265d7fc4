"""Answering: the question line put together on one library - condense, search, write, check, keep."""

from cortex_engine.answering.explained import explanations
from cortex_engine.answering.line import answer, answer_events, conversation_markdown
from cortex_engine.answering.model import chat_status

__all__ = ["answer", "answer_events", "chat_status", "conversation_markdown", "explanations"]
