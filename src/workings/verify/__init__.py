"""Judgments on text, pure: extraction, equivalence, selection and voting."""
