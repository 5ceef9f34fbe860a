// A row a source, not an edge: rows are what costs, on both sides.
// Parameters: none. Columns: src_id, edges as [dst_id, weight, time (microseconds since 1970), position].
// Placeholders: <SRC>, <SRC_ID>, <RELATION>, <DST>, <DST_ID>.
MATCH (src:<SRC>)
WHERE EXISTS { (src)-[:<RELATION>]->(:<DST>) }
RETURN src.<SRC_ID>, COLLECT {
  MATCH (src)-[r:<RELATION>]->(dst:<DST>)
  RETURN [dst.<DST_ID>, r.weight, r.time.epochSeconds * 1000000 + r.time.microsecond, r.position]
}
