// A row a user, not an event: rows are what costs, on both sides.
// Parameters: none. Columns: user_id, events as [target_id, event_id, time (microseconds since 1970), value,
//   position, query, recommendation_id]. Placeholders: <RELATION>, <DST>, <DST_ID>.
MATCH (user:User)
WHERE EXISTS { (user)-[:<RELATION>]->(:<DST>) }
RETURN user.user_id, COLLECT {
  MATCH (user)-[r:<RELATION>]->(target:<DST>)
  RETURN [target.<DST_ID>, r.event_id, r.time.epochSeconds * 1000000 + r.time.microsecond, r.value,
    r.position, r.query, r.recommendation_id]
}
