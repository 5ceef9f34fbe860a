-- Parameters: label, ids (JSON array). Columns: id.
SELECT id FROM node WHERE label = ? AND id IN (SELECT value FROM json_each(?))
