"""Tables of conversations (schema version 4).

What came from a document goes with it: its passages among the sources by foreign key, and then, by the triggers, every
sentence that no source bears out any more, sentences that nothing bore out (they may have come from it), and the worded-out
questions of that and later turns (they may hold its names). What the person typed stays.
"""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    """CREATE TABLE conversation (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, created TEXT NOT NULL,
        updated TEXT NOT NULL, collections TEXT NOT NULL)""",
    "CREATE INDEX conversation_updated ON conversation (updated)",
    """CREATE TABLE turn (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        conversation INTEGER NOT NULL REFERENCES conversation (key) ON DELETE CASCADE, question TEXT NOT NULL,
        searched TEXT NOT NULL, abstained INTEGER NOT NULL, writer TEXT NOT NULL, notes TEXT NOT NULL, asked TEXT NOT NULL,
        milliseconds REAL NOT NULL, flight TEXT NOT NULL, lost INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX turn_conversation ON turn (conversation)",
    """CREATE TABLE turn_source (
        key INTEGER PRIMARY KEY, turn INTEGER NOT NULL REFERENCES turn (key) ON DELETE CASCADE, number INTEGER NOT NULL,
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE, chunk TEXT NOT NULL, page INTEGER NOT NULL,
        char_start INTEGER NOT NULL, char_end INTEGER NOT NULL, quote TEXT NOT NULL, score REAL NOT NULL,
        UNIQUE (turn, number))""",
    "CREATE INDEX turn_source_document ON turn_source (document)",
    """CREATE TABLE turn_sentence (
        key INTEGER PRIMARY KEY, turn INTEGER NOT NULL REFERENCES turn (key) ON DELETE CASCADE, ordinal INTEGER NOT NULL,
        text TEXT NOT NULL, proof TEXT NOT NULL, similarity REAL, reason TEXT NOT NULL, UNIQUE (turn, ordinal))""",
    """CREATE TABLE turn_citation (
        sentence INTEGER NOT NULL REFERENCES turn_sentence (key) ON DELETE CASCADE,
        source INTEGER NOT NULL REFERENCES turn_source (key) ON DELETE CASCADE, proves INTEGER NOT NULL,
        PRIMARY KEY (sentence, source)) WITHOUT ROWID""",
    "CREATE INDEX turn_citation_source ON turn_citation (source)",
    # Before, not after: the cascade must still find which sentences cited it.
    """CREATE TRIGGER turn_source_gone BEFORE DELETE ON turn_source BEGIN
        DELETE FROM turn_sentence WHERE turn = OLD.turn AND NOT EXISTS (
            SELECT 1 FROM turn_citation c WHERE c.sentence = turn_sentence.key AND c.proves = 1 AND c.source != OLD.key);
        UPDATE turn SET lost = lost + 1 WHERE key = OLD.turn;
        UPDATE turn SET searched = question WHERE key >= OLD.turn
            AND conversation = (SELECT conversation FROM turn WHERE key = OLD.turn);
    END""",
)
