// Adds events that known_events did not find in the same transaction; the constraint on event_id turns a
// racing writer's doublet into an error, and the transaction is run again. Unknown users are created.
// Parameters: a list a column, row n of each is one event: event_id, user_id, target_id, seconds,
//   microseconds, value, position, query, recommendation_id; a list without values may be empty.
// Placeholders: <RELATION>, <DST> (Item, or Query for searches), <DST_ID>.
UNWIND range(0, size($event_id) - 1) AS n
MATCH (target:<DST> {<DST_ID>: $target_id[n]})
MERGE (user:User {user_id: $user_id[n]})
CREATE (user)-[:<RELATION> {
  event_id: $event_id[n],
  time: CASE WHEN $seconds[n] IS NULL THEN null
        ELSE datetime({epochSeconds: $seconds[n], nanosecond: $microseconds[n] * 1000}) END,
  value: $value[n], position: $position[n], query: $query[n], recommendation_id: $recommendation_id[n]
}]->(target)
