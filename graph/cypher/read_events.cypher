// Parameters: none. Columns: event_id, user_id, target_id, time (microseconds since 1970), value, position,
//   query, recommendation_id. Placeholders: <RELATION>, <DST>, <DST_ID>.
MATCH (user:User)-[r:<RELATION>]->(target:<DST>)
RETURN r.event_id, user.user_id, target.<DST_ID>, r.time.epochSeconds * 1000000 + r.time.microsecond,
  r.value, r.position, r.query, r.recommendation_id
