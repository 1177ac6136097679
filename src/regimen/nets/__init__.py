"""Torch modules and nothing else: no data, no losses, no loops."""

from regimen.nets.mlp import MLP, Activation

__all__ = ["MLP", "Activation"]
