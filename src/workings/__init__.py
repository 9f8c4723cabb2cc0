"""workings: make a language model show its workings, find out whether they are real, train better reasoners."""

__version__ = "0.1.0"
