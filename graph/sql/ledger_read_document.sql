-- One document that has not expired.
-- Parameters: kind, key, now. Columns: key, body, version, updated, expires.

SELECT key, body, version, updated, expires FROM document
WHERE kind = ? AND key = ? AND (expires IS NULL OR expires > ?);
