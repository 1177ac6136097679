"""What agents share that learn softly from a replay: their numbers, what an output means to critics, one learner."""
