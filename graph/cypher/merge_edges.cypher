// Adds edges, or replaces weight, time and position where given; an edge without both ends is left out.
// Parameters: rows, each [src_id, dst_id, weight, seconds, microseconds, position]; the last four may be null.
// Placeholders: <SRC>, <SRC_ID>, <RELATION>, <DST>, <DST_ID>.
UNWIND $rows AS row
MATCH (src:<SRC> {<SRC_ID>: row[0]})
MATCH (dst:<DST> {<DST_ID>: row[1]})
MERGE (src)-[r:<RELATION>]->(dst)
SET r.weight = coalesce(row[2], r.weight),
    r.time = CASE WHEN row[3] IS NULL THEN r.time
             ELSE datetime({epochSeconds: row[3], nanosecond: row[4] * 1000}) END,
    r.position = coalesce(row[5], r.position)
