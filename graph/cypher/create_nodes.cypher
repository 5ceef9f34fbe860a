// Adds nodes that are missing; leaves those that exist as they are.
// Parameters: rows, each {id, properties (map without nulls)}. Placeholders: <LABEL>, <ID>.
UNWIND $rows AS row
MERGE (n:<LABEL> {<ID>: row.id})
ON CREATE SET n += row.properties
