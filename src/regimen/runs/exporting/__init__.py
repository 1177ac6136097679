"""A finished run's policy as one graph, and what it takes to ship it."""
