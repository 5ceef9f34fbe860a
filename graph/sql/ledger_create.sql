-- The tables of a ledger. Times are microseconds since 1970, UTC.
-- Parameters: none.

CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,                  -- JSON object
    version INTEGER NOT NULL,            -- 1 when new, one more at each change
    updated INTEGER NOT NULL,
    expires INTEGER,                     -- from this moment on it does not exist
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS document_expires ON document (expires) WHERE expires IS NOT NULL;

CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    log TEXT NOT NULL,
    time INTEGER NOT NULL,
    body TEXT NOT NULL                   -- JSON object
);

CREATE INDEX IF NOT EXISTS entry_of_log ON entry (log, number);
