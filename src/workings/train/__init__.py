"""Training, one file a stage."""
