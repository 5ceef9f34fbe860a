"""The order of a list beside the score: unlike items, less known ones, exposure of groups."""
