"""Soft actor-critic: its config, its algorithm, and what the actor's output means."""
