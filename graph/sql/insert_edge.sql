-- Leaves an edge that exists as it is.
-- Parameters: relation, src_label, dst_label, src_id, dst_id, weight, time, position.
INSERT OR IGNORE INTO edge (relation, src_label, dst_label, src_id, dst_id, weight, time, position)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
