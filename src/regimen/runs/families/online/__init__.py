"""The family of models that learn on, and what learning on was worth."""
