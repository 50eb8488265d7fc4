"""Questions that are answered with proof, and conversations."""

from __future__ import annotations

from cortex_engine import answering
from cortex_engine.chapters.base import Chapter
from cortex_engine.core.answers import Answer, AnswerEvent, Conversation, Question, Stream
from cortex_engine.core.app import ModelStatus
from cortex_engine.core.search import SearchResult


class AnswersChapter(Chapter):
    """Questions that are answered with proof, and conversations."""

    def answer(self, question: Question | str) -> Answer:
        """Answer a question from the library's passages, each sentence with its citations and its proof; it is kept as a turn.

        With a chat model (`chat_status`) that writes, and without one, or where it fails, the best sentences are quoted.

        Raises:
            UsageError: the question is empty or too long, or a number or filter makes no sense.
            NotFoundError: no such conversation or collection.
            CortexError: the search cannot answer.
        """
        return answering.answer(self._library, _asked(question))

    def answer_events(self, question: Question | str) -> Stream[AnswerEvent]:
        """The same as it comes: what is done, the sources, the text bit by bit, and last the whole answer, which is kept by then.

        `close` of the iterator stops the model at once, from any thread; nothing is kept then, and the iterator ends. Raises as
        `answer`, when called or on the way.
        """
        return answering.answer_events(self._library, _asked(question))

    def chat_status(self) -> ModelStatus:
        """Where the model stands that writes answers: OFF while no endpoint is set, `name` is "MODEL at HOST". Never waits."""
        return answering.chat_status(self._library)

    def explanations(self, result: SearchResult) -> dict[str, str]:
        """Chunk id -> why it fits, for the first five passages of a result, as far as the chat model has written it.

        "" while it is being written; empty where `explain_hits` is off or no endpoint is set. Never waits.
        """
        return answering.explanations(self._library, result)

    def conversations(self, limit: int = 50) -> list[Conversation]:
        """The newest first."""
        return self._library.catalog.conversations(limit)

    def conversation(self, conversation_id: str) -> Conversation:
        """One of them.

        Raises:
            NotFoundError: no such conversation.
        """
        return self._library.catalog.conversation(conversation_id)

    def turns(self, conversation_id: str) -> list[Answer]:
        """All turns of a conversation in order. What came from documents that were deleted since is gone; a note says so.

        Raises:
            NotFoundError: no such conversation.
        """
        return self._library.catalog.turns(conversation_id)

    def rename_conversation(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title.

        Raises:
            NotFoundError: no such conversation.
            UsageError: the title is empty, too long or holds control characters.
        """
        self._library.catalog.rename_conversation(conversation_id, title)

    def delete_conversation(self, conversation_id: str) -> None:
        """Forget a conversation; NotFoundError when it is gone already."""
        self._library.catalog.delete_conversation(conversation_id)

    def conversation_markdown(self, conversation_id: str) -> str:
        """A conversation as Markdown: questions, answers with numbered citations, sources with document, page and quote.

        Raises:
            NotFoundError: no such conversation.
        """
        return answering.conversation_markdown(self._library, conversation_id)


def _asked(question: Question | str) -> Question:
    return Question(question) if isinstance(question, str) else question
