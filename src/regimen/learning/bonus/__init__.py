"""What an agent is paid for seeing something new: random network distillation and intrinsic curiosity."""
