"""Soft actor-critic: its config, and its algorithm."""
