-- Parameters: name, user_ids (JSON array).
-- Columns: event_id, name, user_id, target_id, time, value, position, query, recommendation_id.
SELECT event_id, name, user_id, target_id, time, value, position, query, recommendation_id
FROM event WHERE name = ? AND user_id IN (SELECT value FROM json_each(?))
