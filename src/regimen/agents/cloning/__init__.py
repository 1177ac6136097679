"""Learning from an expert by imitation: its config, its experts and its algorithm."""
