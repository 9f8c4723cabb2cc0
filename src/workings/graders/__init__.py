"""Adapters that answer Grade, and judges of symbolic equality."""
