-- Replaces the properties given. Parameters: properties (JSON object without nulls), label, id.
UPDATE node SET properties = json_patch(properties, ?) WHERE label = ? AND id = ?
