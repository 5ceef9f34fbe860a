-- Parameters: log, time, body.

INSERT INTO entry (log, time, body) VALUES (?, ?, ?);
