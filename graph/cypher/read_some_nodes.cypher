// Parameters: ids, without repeats. Columns: id, properties (with the id); ordered by id. Placeholders: <LABEL>, <ID>.
UNWIND $ids AS wanted
MATCH (n:<LABEL> {<ID>: wanted})
RETURN n.<ID> AS id, properties(n) AS properties
ORDER BY id
