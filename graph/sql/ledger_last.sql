-- Number of a log's last entry, 0 without one.
-- Parameters: log. Columns: number.

SELECT coalesce(max(number), 0) FROM entry WHERE log = ?;
