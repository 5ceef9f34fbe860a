-- Leaves a node that exists as it is. Parameters: label, id, properties (JSON object).
INSERT OR IGNORE INTO node (label, id, properties) VALUES (?, ?, ?)
