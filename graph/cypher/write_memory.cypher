// Parameters: content (JSON).
MATCH (m:ShopgraphMemory {memory_id: 'shop'}) SET m.content = $content
