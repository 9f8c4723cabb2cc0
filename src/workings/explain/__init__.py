"""White box: takes a torch module and its tokenizer."""
