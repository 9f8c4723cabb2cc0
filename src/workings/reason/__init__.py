"""Making a model think: one file a method, each a generator of asks."""
