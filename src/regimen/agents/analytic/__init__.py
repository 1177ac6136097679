"""The exact gradient of the reward: its config, its algorithm, and the band that it learns."""
