"""FLAG-TRADER: a language model's blocks as actor and critic, trained through low-rank adapters."""
