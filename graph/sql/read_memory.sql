-- Parameters: none. Columns: content.
SELECT content FROM memory
