"""Problems that probe what a model knows, made so that the cause of an error is known: balanced, planted, invented."""
