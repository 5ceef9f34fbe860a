-- Parameters: relation, src_label, dst_label, src_ids (JSON array).
-- Columns: src_id, dst_id, weight, time, position.
SELECT src_id, dst_id, weight, time, position FROM edge
WHERE relation = ? AND src_label = ? AND dst_label = ? AND src_id IN (SELECT value FROM json_each(?))
