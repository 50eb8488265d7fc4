"""Tables of the knowledge graph (schema version 4).

What a document contributes hangs on the document or its passages and goes with them; `graph_entity` and `graph_form` add up what
all documents say, kept in step by `graph_sums`. Edits by hand hold hashes of folded names only.
"""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # What extracted a document's part; `failure`: why nothing could be extracted, as a sentence.
    """CREATE TABLE graph_document (
        document INTEGER PRIMARY KEY REFERENCES document (key) ON DELETE CASCADE, fingerprint TEXT NOT NULL,
        mentions INTEGER NOT NULL, relations INTEGER NOT NULL, passages INTEGER NOT NULL, failure TEXT NOT NULL)""",
    # An extractor sees passages and language: with another one it reads the document again.
    """CREATE TRIGGER graph_document_edited AFTER UPDATE OF language ON document WHEN OLD.language != NEW.language
        BEGIN UPDATE graph_document SET fingerprint = '' WHERE document = NEW.key; END""",
    # One row for each folded name. `root`: the row under which it is shown (itself, unless a person merged it); `shown_…` hold
    # for that row and are those of all that is merged into it.
    """CREATE TABLE graph_entity (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, folded TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '', mentions INTEGER NOT NULL DEFAULT 0,
        documents INTEGER NOT NULL DEFAULT 0, passages INTEGER NOT NULL DEFAULT 0, root INTEGER NOT NULL DEFAULT 0,
        hidden INTEGER NOT NULL DEFAULT 0, shown_kind TEXT NOT NULL DEFAULT '',
        shown_mentions INTEGER NOT NULL DEFAULT 0, shown_documents INTEGER NOT NULL DEFAULT 0,
        shown_passages INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX graph_entity_shown ON graph_entity (shown_mentions DESC, id) WHERE root = key",
    "CREATE INDEX graph_entity_merged ON graph_entity (root) WHERE root != key",
    # How often documents use a form of a name, give an alias, claim a kind: what is shown is the most frequent of what is left.
    """CREATE TABLE graph_form (
        entity INTEGER NOT NULL REFERENCES graph_entity (key) ON DELETE CASCADE, what TEXT NOT NULL, form TEXT NOT NULL,
        folded TEXT NOT NULL, documents INTEGER NOT NULL, mentions INTEGER NOT NULL,
        PRIMARY KEY (entity, what, form)) WITHOUT ROWID""",
    "CREATE INDEX graph_form_folded ON graph_form (folded, entity) WHERE what != 'kind'",
    """CREATE TABLE graph_part (
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE,
        entity INTEGER NOT NULL REFERENCES graph_entity (key), name TEXT NOT NULL, kind TEXT NOT NULL, date TEXT NOT NULL,
        mentions INTEGER NOT NULL, passages INTEGER NOT NULL, PRIMARY KEY (document, entity)) WITHOUT ROWID""",
    "CREATE INDEX graph_part_entity ON graph_part (entity, document)",
    """CREATE TABLE graph_alias (
        document INTEGER NOT NULL REFERENCES document (key) ON DELETE CASCADE,
        entity INTEGER NOT NULL REFERENCES graph_entity (key), form TEXT NOT NULL, folded TEXT NOT NULL,
        PRIMARY KEY (document, entity, form)) WITHOUT ROWID""",
    "CREATE INDEX graph_alias_entity ON graph_alias (entity)",
    """CREATE TABLE graph_mention (
        chunk INTEGER NOT NULL REFERENCES chunk (key) ON DELETE CASCADE,
        entity INTEGER NOT NULL REFERENCES graph_entity (key), char_start INTEGER NOT NULL, char_end INTEGER NOT NULL,
        PRIMARY KEY (chunk, entity, char_start, char_end)) WITHOUT ROWID""",
    "CREATE INDEX graph_mention_entity ON graph_mention (entity, chunk)",
    """CREATE TABLE graph_relation (
        key INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES graph_entity (key),
        target INTEGER NOT NULL REFERENCES graph_entity (key), kind TEXT NOT NULL, label TEXT NOT NULL,
        chunk INTEGER NOT NULL REFERENCES chunk (key) ON DELETE CASCADE, char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL)""",
    "CREATE INDEX graph_relation_source ON graph_relation (source, target)",
    "CREATE INDEX graph_relation_target ON graph_relation (target, source)",
    "CREATE INDEX graph_relation_chunk ON graph_relation (chunk)",
    # Edits by hand, by entity id: a hash of the folded name, so that they name nothing. `target` is never a source itself.
    "CREATE TABLE graph_merge (source TEXT PRIMARY KEY, target TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX graph_merge_target ON graph_merge (target)",
    "CREATE TABLE graph_hidden (entity TEXT PRIMARY KEY) WITHOUT ROWID",
)
