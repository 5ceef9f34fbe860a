-- Entries of a log, oldest first.
-- Parameters: log, number that they come after, most rows. Columns: number, time, body.

SELECT number, time, body FROM entry WHERE log = ? AND number > ? ORDER BY number LIMIT ?;
