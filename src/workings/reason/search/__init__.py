"""Searching for the better chain: steps grown on one tree, judged by a verifier or by the model itself."""
