"""Programs that treat a real network badly on purpose, for as long as one likes, and say what became of it."""
