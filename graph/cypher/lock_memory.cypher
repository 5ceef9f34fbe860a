// As read_memory, but nobody else changes it before this transaction ends. Parameters: none. Columns: content.
MERGE (m:ShopgraphMemory {memory_id: 'shop'})
SET m.locked = true
REMOVE m.locked
RETURN m.content AS content
