"""The driver: answers what methods ask, and owns concurrency, budget, retry and record."""
