-- Parameters: event_ids (JSON array). Columns: event_id.
SELECT event_id FROM event WHERE event_id IN (SELECT value FROM json_each(?))
