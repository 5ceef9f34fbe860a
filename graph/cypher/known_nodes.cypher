// Parameters: ids. Columns: id, of those that exist. Placeholders: <LABEL>, <ID>.
UNWIND $ids AS id
MATCH (n:<LABEL> {<ID>: id})
RETURN id
