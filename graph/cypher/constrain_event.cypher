// One relationship per event_id. Parameters: none. Placeholders: <RELATION>.
CREATE CONSTRAINT <RELATION>_event_id IF NOT EXISTS FOR ()-[r:<RELATION>]-() REQUIRE r.event_id IS UNIQUE
