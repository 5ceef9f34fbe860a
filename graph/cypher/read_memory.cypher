// What the store remembers: schema and kinds of properties, as JSON. Parameters: none. Columns: content.
MATCH (m:ShopgraphMemory {memory_id: 'shop'}) RETURN m.content AS content
