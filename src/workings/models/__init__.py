"""Adapters that answer Sample and Score."""
