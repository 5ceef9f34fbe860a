-- Parameters: event_id, name, user_id, target_id, time, value, position, query, recommendation_id.
INSERT INTO event (event_id, name, user_id, target_id, time, value, position, query, recommendation_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
