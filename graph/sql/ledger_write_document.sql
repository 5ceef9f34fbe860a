-- A document, new or in place of what stood there.
-- Parameters: kind, key, body, version, updated, expires.

INSERT OR REPLACE INTO document (kind, key, body, version, updated, expires) VALUES (?, ?, ?, ?, ?, ?);
