-- Parameters: kind, key.

DELETE FROM document WHERE kind = ? AND key = ?;
