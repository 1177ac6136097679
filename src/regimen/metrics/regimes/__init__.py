"""States of a market and what is earned in them: a hidden Markov model's filter, ratios given a state."""
