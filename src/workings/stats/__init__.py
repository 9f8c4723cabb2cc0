"""Numbers about numbers, pure."""
