// Adds nodes, or replaces the properties given.
// Parameters: rows, each {id, properties (map without nulls)}. Placeholders: <LABEL>, <ID>.
UNWIND $rows AS row
MERGE (n:<LABEL> {<ID>: row.id})
SET n += row.properties
