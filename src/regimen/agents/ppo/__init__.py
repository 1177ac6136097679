"""Proximal policy optimisation: its config and its algorithm."""
