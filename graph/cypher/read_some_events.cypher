// Parameters: ids of users, without repeats. Columns and placeholders: as read_events.
UNWIND $ids AS id
MATCH (user:User {user_id: id})
RETURN id, COLLECT {
  MATCH (user)-[r:<RELATION>]->(target:<DST>)
  RETURN [target.<DST_ID>, r.event_id, r.time.epochSeconds * 1000000 + r.time.microsecond, r.value,
    r.position, r.query, r.recommendation_id]
}
