// Parameters: ids. Columns: id, of those that do not exist. Placeholders: <LABEL>, <ID>.
UNWIND $ids AS id
OPTIONAL MATCH (n:<LABEL> {<ID>: id})
WITH id, n WHERE n IS NULL
RETURN id
