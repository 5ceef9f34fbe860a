// Parameters: ids. Columns: id, of the events that exist. Placeholders: <RELATIONS> (event types, joined by |).
UNWIND $ids AS id
MATCH ()-[r:<RELATIONS> {event_id: id}]->()
RETURN id
