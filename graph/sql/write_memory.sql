-- Parameters: content.
INSERT INTO memory (one, content) VALUES (1, ?)
ON CONFLICT (one) DO UPDATE SET content = excluded.content
