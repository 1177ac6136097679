"""Evolution and soft actor-critic together: their config, the walk that both learn from, and the algorithm."""
