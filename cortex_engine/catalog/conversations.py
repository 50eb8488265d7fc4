"""Conversations: turns with their sentences, citations and sources."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from cortex_engine.catalog import rows
from cortex_engine.catalog.connection import CatalogPart
from cortex_engine.core.answers import Answer, AnswerSentence, CitedSource, Conversation, Proof
from cortex_engine.core.errors import NotFoundError

_LOST = (
    "Documents that this answer rested on have been deleted since; their passages, and the sentences that nothing else bore "
    "out, went with them."
)


class ConversationRecords(CatalogPart):
    """The port `ConversationRecords`."""

    def keep_turn(self, answer: Answer, collections: Sequence[str]) -> None:
        """Append a turn; makes the conversation when it is the first one, or when it was deleted while this was written.

        What a source bore out that has been deleted in the meantime is not kept, nor words of questions that were.

        Raises:
            UsageError: the question cannot be stored.
        """
        rows.require_storable(answer.question, "A question", 20_000)
        with self._database.write() as connection:
            conversation, goes_on = _conversation(connection, answer, collections)
            values = (
                answer.turn_id,
                conversation,
                answer.question,
                answer.searched if goes_on else answer.question,
                int(answer.abstained),
                answer.writer,
            )
            cursor = connection.execute(
                "INSERT INTO turn (id, conversation, question, searched, abstained, writer, notes, asked, milliseconds, "
                "flight) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, json.dumps(answer.notes), answer.asked or rows.now(), answer.milliseconds, answer.flight_id),
            )
            turn = int(cursor.lastrowid or 0)
            sources = _keep_sources(connection, turn, answer.sources)
            lost = len(sources) < len(answer.sources)
            # What nothing bears out may have come from what is gone.
            kept = [
                each for each in answer.sentences if not lost or any(number in sources for number in each.proved_by)
            ]
            _keep_sentences(connection, turn, kept, sources)
            if lost:
                connection.execute("UPDATE turn SET lost = lost + 1, searched = question WHERE key = ?", (turn,))

    def conversations(self, limit: int = 50) -> list[Conversation]:
        """The newest first."""
        with self._database.read() as connection:
            return _conversations(connection, "ORDER BY updated DESC, key DESC LIMIT ?", max(limit, 0))

    def conversation(self, conversation_id: str) -> Conversation:
        """One of them.

        Raises:
            NotFoundError: no such conversation.
        """
        with self._database.read() as connection:
            return _conversations(connection, "WHERE key = ?", _key(connection, conversation_id))[0]

    def turns(self, conversation_id: str) -> list[Answer]:
        """All turns in order. Sources of deleted documents, and sentences that rested on nothing else, are gone; a note says so.

        Raises:
            NotFoundError: no such conversation.
        """
        with self._database.read() as connection:
            key = _key(connection, conversation_id)
            found = connection.execute(
                "SELECT key, id, question, searched, abstained, writer, notes, asked, milliseconds, flight, lost FROM turn "
                "WHERE conversation = ? ORDER BY key",
                (key,),
            ).fetchall()
            return [_turn(connection, conversation_id, row) for row in found]

    def rename_conversation(self, conversation_id: str, title: str) -> None:
        """Give it another title.

        Raises:
            NotFoundError: no such conversation.
            UsageError: the title is empty, too long or holds control characters.
        """
        title = title.strip()
        rows.require_name(title, "conversation")
        with self._database.write() as connection:
            key = _key(connection, conversation_id)
            connection.execute("UPDATE conversation SET title = ? WHERE key = ?", (title, key))

    def delete_conversation(self, conversation_id: str) -> None:
        """Forget it.

        Raises:
            NotFoundError: no such conversation.
        """
        with self._database.write() as connection:
            key = _key(connection, conversation_id)
            connection.execute("DELETE FROM conversation WHERE key = ?", (key,))


def _conversations(connection: sqlite3.Connection, tail: str, value: int) -> list[Conversation]:
    found = connection.execute(
        "SELECT id, title, created, updated, collections, "
        f"(SELECT count(*) FROM turn WHERE turn.conversation = conversation.key) FROM conversation {tail}",
        (value,),
    )
    return [
        Conversation(identity, title, created, updated, tuple(json.loads(collections)), turns)
        for identity, title, created, updated, collections, turns in found
    ]


def _key(connection: sqlite3.Connection, conversation_id: str) -> int:
    row = connection.execute("SELECT key FROM conversation WHERE id = ?", (conversation_id,)).fetchone()
    if row is None:
        raise NotFoundError("This conversation is gone; it may have been deleted in another window.")
    return int(row[0])


def _conversation(connection: sqlite3.Connection, answer: Answer, collections: Sequence[str]) -> tuple[int, bool]:
    """The key of the turn's conversation, which is made when it is not there; and whether it was."""
    now = rows.now()
    row = connection.execute("SELECT key FROM conversation WHERE id = ?", (answer.conversation_id,)).fetchone()
    if row is not None:
        connection.execute("UPDATE conversation SET updated = ? WHERE key = ?", (now, row[0]))
        return int(row[0]), True
    title = " ".join(answer.question.split())[: rows.NAME_LENGTH]
    cursor = connection.execute(
        "INSERT INTO conversation (id, title, created, updated, collections) VALUES (?, ?, ?, ?, ?)",
        (answer.conversation_id, title, now, now, json.dumps(list(collections))),
    )
    return int(cursor.lastrowid or 0), False


def _keep_sources(connection: sqlite3.Connection, turn: int, sources: Sequence[CitedSource]) -> dict[int, int]:
    """Number -> key of those whose document is still there."""
    kept = {}
    for source in sources:
        cursor = connection.execute(
            "INSERT INTO turn_source (turn, number, document, chunk, page, char_start, char_end, quote, score) "
            "SELECT ?, ?, key, ?, ?, ?, ?, ?, ? FROM document WHERE id = ?",
            (
                *(turn, source.number, source.chunk_id, source.page, source.char_start, source.char_end, source.quote),
                *(source.score, source.document_id),
            ),
        )
        if cursor.rowcount:
            kept[source.number] = int(cursor.lastrowid or 0)
    return kept


def _keep_sentences(
    connection: sqlite3.Connection, turn: int, sentences: Sequence[AnswerSentence], sources: dict[int, int]
) -> None:
    for ordinal, sentence in enumerate(sentences):
        cursor = connection.execute(
            "INSERT INTO turn_sentence (turn, ordinal, text, proof, similarity, reason) VALUES (?, ?, ?, ?, ?, ?)",
            (turn, ordinal, sentence.text, sentence.proof.value, sentence.similarity, sentence.reason),
        )
        connection.executemany(
            "INSERT INTO turn_citation VALUES (?, ?, ?)",
            [
                (cursor.lastrowid, sources[number], int(number in sentence.proved_by))
                for number in sentence.citations
                if number in sources
            ],
        )


def _turn(connection: sqlite3.Connection, conversation_id: str, row: tuple[object, ...]) -> Answer:
    key, turn_id, question, searched, abstained, writer, notes, asked, milliseconds, flight, lost = row
    return Answer(
        str(turn_id),
        conversation_id,
        str(question),
        str(searched),
        _sentences(connection, key),
        _sources(connection, key),
        bool(abstained),
        str(writer),
        (*json.loads(str(notes)), *([_LOST] if lost else [])),
        str(asked),
        float(str(milliseconds)),
        str(flight),
    )


def _sentences(connection: sqlite3.Connection, turn: object) -> tuple[AnswerSentence, ...]:
    cited: dict[int, list[tuple[int, int]]] = {}
    for sentence, number, proves in connection.execute(
        "SELECT c.sentence, s.number, c.proves FROM turn_citation c JOIN turn_source s ON s.key = c.source "
        "WHERE s.turn = ? ORDER BY s.number",
        (turn,),
    ):
        cited.setdefault(int(sentence), []).append((int(number), int(proves)))
    found = connection.execute(
        "SELECT key, text, proof, similarity, reason FROM turn_sentence WHERE turn = ? ORDER BY ordinal", (turn,)
    )
    return tuple(
        AnswerSentence(
            text,
            tuple(number for number, _ in cited.get(key, ())),
            Proof(proof),
            similarity,
            reason,
            tuple(number for number, proves in cited.get(key, ()) if proves),
        )
        for key, text, proof, similarity, reason in found
    )


def _sources(connection: sqlite3.Connection, turn: object) -> tuple[CitedSource, ...]:
    """The passages; of one whose document was cut anew, what was quoted from it."""
    found = connection.execute(
        "SELECT s.number, d.id, d.name, s.page, s.chunk, c.text, s.quote, s.char_start, s.char_end, s.score "
        "FROM turn_source s JOIN document d ON d.key = s.document LEFT JOIN chunk c ON c.id = s.chunk "
        "WHERE s.turn = ? ORDER BY s.number",
        (turn,),
    )
    sources = []
    for number, document_id, document, page, chunk_id, text, quote, start, end, score in found:
        begin, last = (start, end) if text is not None else (0, 0)
        sources.append(
            CitedSource(number, document_id, document, page, chunk_id, text or quote, quote, begin, last, score)
        )
    return tuple(sources)
