// For analysts: CALL db.index.fulltext.queryNodes('Item_names', 'serum'). Parameters: none. Placeholders: <LABEL>.
CREATE FULLTEXT INDEX <LABEL>_names IF NOT EXISTS FOR (n:<LABEL>) ON EACH [n.name, n.title, n.title_zh]
