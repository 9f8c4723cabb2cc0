"""Questions put to a model through text and log-probabilities; the same generator form as methods."""
