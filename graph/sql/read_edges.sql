-- Parameters: relation, src_label, dst_label. Columns: src_id, dst_id, weight, time, position.
SELECT src_id, dst_id, weight, time, position FROM edge
WHERE relation = ? AND src_label = ? AND dst_label = ?
