// Parameters: ids of users, without repeats. Columns and placeholders: as read_events.
UNWIND $ids AS id
MATCH (user:User {user_id: id})-[r:<RELATION>]->(target:<DST>)
RETURN r.event_id, user.user_id, target.<DST_ID>, r.time.epochSeconds * 1000000 + r.time.microsecond,
  r.value, r.position, r.query, r.recommendation_id
