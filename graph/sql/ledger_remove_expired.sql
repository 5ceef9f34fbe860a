-- Parameters: now.

DELETE FROM document WHERE expires <= ?;
