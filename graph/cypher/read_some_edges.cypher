// Parameters: ids of sources, without repeats.
// Columns: src_id, dst_id, weight, time (microseconds since 1970), position.
// Placeholders: <SRC>, <SRC_ID>, <RELATION>, <DST>, <DST_ID>.
UNWIND $ids AS id
MATCH (src:<SRC> {<SRC_ID>: id})-[r:<RELATION>]->(dst:<DST>)
RETURN src.<SRC_ID>, dst.<DST_ID>, r.weight, r.time.epochSeconds * 1000000 + r.time.microsecond, r.position
