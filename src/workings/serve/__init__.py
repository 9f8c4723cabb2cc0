"""The proxy and the viewer."""
