"""The nouns. Frozen values, standard library only."""
