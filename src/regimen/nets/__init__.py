"""Torch modules, the device that they run on and the memory that they take: no data, no losses, no loops."""

from regimen.nets.allocator import hand_back_memory, keep_freed_memory
from regimen.nets.attention import AttentionPool, MultiHeadAttention, Readout, attention_weights
from regimen.nets.cnn import CausalCNN, CNNEncoder
from regimen.nets.descent import descend
from regimen.nets.devices import pick_device, private_random
from regimen.nets.ensemble import Ensemble, mixture
from regimen.nets.footprint import activation_bytes, available_bytes, require_memory, training_bytes
from regimen.nets.hybrid import CrossWeights, Forecast, HybridNet
from regimen.nets.lora import BLOCK_MAPS, LoRALinear, add_lora
from regimen.nets.lstm import AttentiveLSTM, LSTMEncoder
from regimen.nets.mlp import MLP, Activation
from regimen.nets.multitask import MultiTaskHead, MultiTaskNet, Tasks
from regimen.nets.orthogonal import begin_lstm
from regimen.nets.tft import CalendarFusion, FusionWeights, QuantileFan, TemporalFusion
from regimen.nets.threads import first_weights, torch_threads
from regimen.nets.transformer import CausalSelfAttention, TransformerBlock
from regimen.nets.windowed_norm import FrequencyNorm, NormalisedNet, WindowScale

__all__ = [
    "BLOCK_MAPS",
    "MLP",
    "Activation",
    "AttentionPool",
    "AttentiveLSTM",
    "CNNEncoder",
    "CalendarFusion",
    "CausalCNN",
    "CausalSelfAttention",
    "CrossWeights",
    "Ensemble",
    "Forecast",
    "FrequencyNorm",
    "FusionWeights",
    "HybridNet",
    "LSTMEncoder",
    "LoRALinear",
    "MultiHeadAttention",
    "MultiTaskHead",
    "MultiTaskNet",
    "NormalisedNet",
    "QuantileFan",
    "Readout",
    "Tasks",
    "TemporalFusion",
    "TransformerBlock",
    "WindowScale",
    "activation_bytes",
    "add_lora",
    "attention_weights",
    "available_bytes",
    "begin_lstm",
    "descend",
    "first_weights",
    "hand_back_memory",
    "keep_freed_memory",
    "mixture",
    "pick_device",
    "private_random",
    "require_memory",
    "torch_threads",
    "training_bytes",
]
