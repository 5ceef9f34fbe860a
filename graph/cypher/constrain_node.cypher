// One node per id. Parameters: none. Placeholders: <LABEL>, <ID> (the label's id property).
CREATE CONSTRAINT <LABEL>_<ID> IF NOT EXISTS FOR (n:<LABEL>) REQUIRE n.<ID> IS UNIQUE
