-- Parameters: label, ids (JSON array). Columns: id, properties; ordered by id.
SELECT id, properties FROM node WHERE label = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY id
