"""Problems: procedural ones with gold steps, and readers for the published benchmark files."""
