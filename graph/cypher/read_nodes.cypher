// Parameters: none. Columns: id, properties (with the id); ordered by id. Placeholders: <LABEL>, <ID>.
MATCH (n:<LABEL>)
WHERE n.<ID> IS NOT NULL
RETURN n.<ID> AS id, properties(n) AS properties
ORDER BY id
