-- The tables of a shop. Times are microseconds since 1970, UTC. Ids sort by code points (UTF-8 bytes).
-- Parameters: none.

CREATE TABLE IF NOT EXISTS memory (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    content TEXT NOT NULL                -- JSON: schema and kinds of properties
);

CREATE TABLE IF NOT EXISTS node (
    label TEXT NOT NULL,
    id TEXT NOT NULL,
    properties TEXT NOT NULL,            -- JSON object without nulls
    UNIQUE (label, id)
);

CREATE TABLE IF NOT EXISTS edge (
    src_label TEXT NOT NULL,
    relation TEXT NOT NULL,
    dst_label TEXT NOT NULL,
    src_id TEXT NOT NULL,
    dst_id TEXT NOT NULL,
    weight REAL,
    time INTEGER,
    position INTEGER,
    PRIMARY KEY (relation, src_label, dst_label, src_id, dst_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS event (
    event_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    target_id TEXT NOT NULL,             -- the item, or the Query node of a search
    time INTEGER,
    value REAL,
    position INTEGER,
    query TEXT,
    recommendation_id TEXT
);

CREATE INDEX IF NOT EXISTS event_of_user ON event (user_id);
