"""Any causal language model that transformers loads, on this machine."""
