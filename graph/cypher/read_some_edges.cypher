// Parameters: ids of sources, without repeats. Columns and placeholders: as read_edges.
UNWIND $ids AS id
MATCH (src:<SRC> {<SRC_ID>: id})
RETURN id, COLLECT {
  MATCH (src)-[r:<RELATION>]->(dst:<DST>)
  RETURN [dst.<DST_ID>, r.weight, r.time.epochSeconds * 1000000 + r.time.microsecond, r.position]
}
