-- Replaces what is given; null leaves what is there.
-- Parameters: weight, time, position, relation, src_label, dst_label, src_id, dst_id.
UPDATE edge SET weight = coalesce(?, weight), time = coalesce(?, time), position = coalesce(?, position)
WHERE relation = ? AND src_label = ? AND dst_label = ? AND src_id = ? AND dst_id = ?
