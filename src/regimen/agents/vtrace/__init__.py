"""V-trace with actors of a fixed lag: its config, the actors, the rounds under way, and the algorithm."""
