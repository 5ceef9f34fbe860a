-- Documents of a kind that have not expired, by key.
-- Parameters: kind, key that they come after, now, most rows. Columns: key, body, version, updated, expires.

SELECT key, body, version, updated, expires FROM document
WHERE kind = ? AND key > ? AND (expires IS NULL OR expires > ?)
ORDER BY key LIMIT ?;
