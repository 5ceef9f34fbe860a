-- Parameters: label. Columns: id, properties; ordered by id.
SELECT id, properties FROM node WHERE label = ? ORDER BY id
