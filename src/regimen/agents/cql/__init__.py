"""Conservative Q-learning: its config, its algorithm, its critics, and the table that it draws from."""
