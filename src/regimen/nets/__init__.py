"""Torch modules and nothing else: no data, no losses, no loops."""

from regimen.nets.attention import AttentionPool, MultiHeadAttention, attention_weights
from regimen.nets.cnn import CausalCNN
from regimen.nets.hybrid import CrossWeights, Forecast, HybridNet
from regimen.nets.lstm import AttentiveLSTM
from regimen.nets.mlp import MLP, Activation
from regimen.nets.multitask import MultiTaskHead, Tasks
from regimen.nets.orthogonal import begin_lstm

__all__ = [
    "MLP",
    "Activation",
    "AttentionPool",
    "AttentiveLSTM",
    "CausalCNN",
    "CrossWeights",
    "Forecast",
    "HybridNet",
    "MultiHeadAttention",
    "MultiTaskHead",
    "Tasks",
    "attention_weights",
    "begin_lstm",
]
