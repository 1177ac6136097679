"""Algorithms of Stable-Baselines3 behind the verbs of an agent."""
