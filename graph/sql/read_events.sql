-- Parameters: name.
-- Columns: event_id, name, user_id, target_id, time, value, position, query, recommendation_id.
SELECT event_id, name, user_id, target_id, time, value, position, query, recommendation_id
FROM event WHERE name = ?
