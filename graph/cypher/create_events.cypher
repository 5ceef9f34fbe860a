// Adds events that known_events did not find in the same transaction; the constraint on event_id turns a
// racing writer's doublet into an error, and the transaction is run again. Unknown users are created.
// Parameters: rows, each [event_id, user_id, target_id, seconds, microseconds, value, position, query,
//   recommendation_id]; all but the ids may be null.
// Placeholders: <RELATION>, <DST> (Item, or Query for searches), <DST_ID>.
UNWIND $rows AS row
MATCH (target:<DST> {<DST_ID>: row[2]})
MERGE (user:User {user_id: row[1]})
CREATE (user)-[:<RELATION> {
  event_id: row[0],
  time: CASE WHEN row[3] IS NULL THEN null ELSE datetime({epochSeconds: row[3], nanosecond: row[4] * 1000}) END,
  value: row[5], position: row[6], query: row[7], recommendation_id: row[8]
}]->(target)
