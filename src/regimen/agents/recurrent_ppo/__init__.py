"""Proximal policy optimisation with a memory: an LSTM in actor and critic."""
