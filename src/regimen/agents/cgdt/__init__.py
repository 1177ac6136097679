"""Critic-guided decision transformer: its config, its algorithm, its networks, and the memory of `predict`."""
