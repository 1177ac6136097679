"""Evolution strategies: their config, the population that walks, and the algorithm."""
