"""What agents share that learn softly from a replay: their numbers, critics of several objectives, and one learner."""
